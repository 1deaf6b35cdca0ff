-- One row each time a complaint must go up the escalation path (SD:2.2): `why` is overdue (still unresolved some
-- working days after its resolution was due) or rejected (the customer does not accept the result). `told` holds who
-- was told since then, by role, and when first.
WITH cause AS (
  SELECT id, 'overdue' AS why, resolve_due AS since_at,
         end_of_day(add_workdays(CAST(resolve_due AS DATE),
                                 CAST(param(policy, 'complaint.escalate_workdays') AS INTEGER))) AS escalate_at,
         resolved_at
  FROM complaint_timeline WHERE resolve_due <= as_of()
  UNION ALL
  SELECT id, 'rejected', satisfaction_at, satisfaction_at, NULL FROM complaint_timeline WHERE confirmation = 'rejected'
), told AS (
  SELECT id, why, map(list(to_role), list(told_at)) AS told
  FROM (SELECT c.id, c.why, e.entry.to_role AS to_role, min(e.entry.at) AS told_at
        FROM cause c JOIN (SELECT id, unnest(escalations) AS entry FROM complaint) e USING (id)
        WHERE e.entry.at >= c.since_at
        GROUP BY 1, 2, 3)
  GROUP BY id, why
)
SELECT c.id, c.why, t.policy, t.customer, t.project, t.department, t.received_on, t.exclusion, c.escalate_at, o.told,
       t.resolve_provisional AS provisional
FROM cause c JOIN complaint_timeline t USING (id) LEFT JOIN told o USING (id, why)
WHERE c.escalate_at <= as_of() AND (c.resolved_at IS NULL OR c.resolved_at > c.escalate_at)
