-- One row an action that surveys or the analysis of their results led to (08-03:6(3), 3.2(4)): its deadline, when it was
-- carried out as its closing shows, when it was found effective, and when the customer was told of that. `survey` is the
-- survey it came from, if one.
WITH issue AS (
  SELECT DISTINCT issue.action AS id FROM (SELECT unnest(issues) AS issue FROM report
                                           WHERE kind = 'satisfaction_analysis' AND void IS NULL)
), driven AS (
  SELECT action AS id, min(survey) AS survey
  FROM (SELECT id AS survey, unnest(follow_up.actions) AS action FROM survey WHERE void IS NULL
        UNION ALL SELECT s.id, a.id FROM action a JOIN survey s ON s.id = a.source WHERE s.void IS NULL)
  GROUP BY action
)
SELECT a.id, a.policy, coalesce(a.customer, s.customer) AS customer, d.project, d.department,
       CAST(a.issued_at AS DATE) AS issued_on, d.due_on, v.survey,
       CASE WHEN a.closure IS NOT NULL THEN d.completed_at END AS carried_out_at,
       CASE WHEN a.verification.effective THEN a.verification."at" END AS verified_at,
       a.customer_report."at" AS reported_at,
       CASE WHEN s.follow_up.customer_feedback."at" >= a.verification."at" THEN s.follow_up.customer_feedback."at" END
         AS feedback_at
FROM action a
JOIN action_due d ON d.id = a.id
LEFT JOIN driven v ON v.id = a.id
LEFT JOIN survey s ON s.id = v.survey
LEFT JOIN report r ON r.id = a.source AND r.kind = 'satisfaction_analysis'
WHERE d.exclusion IS DISTINCT FROM 'void' AND d.exclusion IS DISTINCT FROM 'cancelled'
  AND (v.survey IS NOT NULL OR r.id IS NOT NULL OR a.id IN (FROM issue))
