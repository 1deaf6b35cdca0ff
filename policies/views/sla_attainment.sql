-- One row an indicator of the service level agreement in a service report: whether it was met (08-04:4.2, 5.3).
SELECT s.id, s.entry.code AS part, s.policy, s.customer, s.project, p.department, s.entry.code AS item,
       s.reported_on, s.entry.met AS met,
       CASE WHEN s.void IS NOT NULL THEN 'void' WHEN s.issued_at IS NULL THEN 'not_issued' END AS exclusion
FROM (SELECT id, policy, customer, project, issued_at, void, period."to" AS reported_on, unnest(sla) AS entry
      FROM report WHERE kind = 'service_report') s
LEFT JOIN project p ON p.id = s.project
