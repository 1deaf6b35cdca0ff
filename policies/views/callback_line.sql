-- One row a call of a call-back sheet (08-03:4.1(3)): reached or not, and whether the person reached is satisfied.
SELECT s.id, s.part, s.policy, s.incident, i.customer, i.project, p.department, s.called_at,
       coalesce(CAST(s.called_at AS DATE), s.returned_on, v.issued_on) AS called_on, s.outcome, s.satisfied,
       CASE WHEN s.void THEN 'void'
            WHEN s.outcome IS NULL THEN 'not_called'
            WHEN s.outcome <> 'reached' THEN 'not_reached'
            ELSE s.exclusion END AS exclusion
FROM survey_sheet s
JOIN survey v ON v.id = s.id
LEFT JOIN incident i ON i.id = s.incident
LEFT JOIN project p ON p.id = i.project
WHERE s.kind = 'incident_callback'
