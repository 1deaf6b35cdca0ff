-- One row a satisfaction analysis report that has been approved: the period of the company it is on, when every
-- department that its pack names had it (08-03:6(1)), and the improvement meeting held on it (08-03:6(2)).
WITH approved AS (
  SELECT * FROM report
  WHERE kind = 'satisfaction_analysis' AND void IS NULL AND status <> 'draft' AND approved_at IS NOT NULL
), wanted AS (
  SELECT id, unnest(string_split(param(policy, 'survey.report.distribution'), ',')) AS department FROM approved
), sent AS (
  SELECT id, department, min(sent_at) AS sent_at
  FROM (SELECT id, entry.department AS department, entry."at" AS sent_at
        FROM (SELECT id, unnest(distribution) AS entry FROM approved))
  GROUP BY ALL
), distributed AS (
  SELECT w.id, count(*) AS departments, CASE WHEN count(s.sent_at) = count(*) THEN max(s.sent_at) END AS distributed_at
  FROM wanted w LEFT JOIN sent s USING (id, department)
  WHERE w.department <> '' GROUP BY w.id
), met AS (
  SELECT r.id, min(m.held_from) AS met_at, arg_min(m.id, m.held_from) AS meeting
  FROM approved r
  JOIN (SELECT g.id, g.held_from, g.reports FROM minuted_meeting m JOIN meeting g USING (id)
        WHERE m.kind = 'satisfaction_improvement') m
    ON m.id = r.improvement_meeting OR list_contains(m.reports, r.id)
  GROUP BY r.id
)
SELECT a.id, a.policy, a.customer, a.project, a.approved_at, CAST(a.approved_at AS DATE) AS approved_on,
       a.issued_at, CAST(a.issued_at AS DATE) AS issued_on, len(coalesce(a.issues, [])) AS issues, p.label,
       coalesce(d.departments, 0) AS departments, d.distributed_at, m.met_at, m.meeting
FROM approved a
LEFT JOIN company_period p ON p.first_day = a.period."from" AND p.last_day = a.period."to"
LEFT JOIN distributed d ON d.id = a.id
LEFT JOIN met m ON m.id = a.id
