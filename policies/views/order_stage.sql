-- One row a stage of a service order: completion, then verification of what was completed, then the reports to the
-- customer and inside (OB-25; CSP:4, 6–8). After re-planning the stages begin anew with the new time limit.
WITH orders AS (
  SELECT a.id, a.policy, a.customer, a.project, a.department, d.exclusion IN ('void', 'cancelled') AS dropped,
         CAST(a.issued_at AS DATE) AS issued_on, d.due_on, d.completed_at,
         CASE WHEN a.verification.at >= d.completed_at THEN a.verification.at END AS verified_at,
         a.verification.effective AS effective,
         CASE WHEN a.internal_notice IS NOT NULL AND (a.customer IS NULL OR a.customer_report IS NOT NULL)
           THEN greatest(a.internal_notice.at, a.customer_report.at) END AS told_at
  FROM action a JOIN action_due d USING (id)
  WHERE a.kind = 'service_order'
)
SELECT *, 'completion' AS stage, NULL::TIMESTAMPTZ AS begins_at, completed_at AS done_at FROM orders
UNION ALL
SELECT *, 'verification', completed_at, verified_at FROM orders WHERE completed_at IS NOT NULL
UNION ALL
SELECT *, 'report', verified_at, told_at FROM orders WHERE verified_at IS NOT NULL AND effective
