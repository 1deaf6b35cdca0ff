-- Where a record names a person in a role: who, any of which roles, on which day (X-13). Imported records are exempt.
SELECT id, 'convened_by' AS at, convened_by AS person, [param(policy, 'meeting.convenor')] AS roles, CAST(held_from AS DATE) AS day
FROM meeting
WHERE void IS NULL AND import IS NULL AND param_has(policy, 'meeting.confirmable', kind)
UNION ALL
SELECT id, 'escalations[' || place || '].to', item."to", [item.to_role], CAST(item.at AS DATE)
FROM (SELECT id, unnest(escalations) AS item, generate_subscripts(escalations, 1) - 1 AS place
      FROM complaint WHERE void IS NULL AND import IS NULL)
UNION ALL
SELECT id, 'plan.approved_by', plan.approved_by,
       CASE WHEN assessment.severity = 'major' THEN ['exec'] ELSE ['qa_manager', 'exec'] END, CAST(plan.approved_at AS DATE)
FROM complaint WHERE void IS NULL AND import IS NULL AND plan.approved_by IS NOT NULL
UNION ALL
SELECT id, 'closure.approved_by', closure.approved_by, ['qa_manager', 'exec'], CAST(closure.approved_at AS DATE)
FROM complaint WHERE void IS NULL AND import IS NULL AND closure.approved_by IS NOT NULL
UNION ALL
SELECT id, 'verification.by', verification.by, ['complaint_handler', 'qa_admin', 'qa_manager'], CAST(verification.at AS DATE)
FROM complaint WHERE void IS NULL AND import IS NULL AND verification.by IS NOT NULL
UNION ALL
SELECT id, 'void.approved_by', void.approved_by, ['qa_manager'], CAST(void.at AS DATE)
FROM complaint WHERE void.approved_by IS NOT NULL
