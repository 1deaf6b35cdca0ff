-- One row a complaint: its timeline and what its handling has come to (obligations.md, OB-31…41), by stamps.
WITH notified AS (
  -- The plan has reached everybody once each department with a measure was told (GSB:6.4.3).
  SELECT m.id, bool_and(n.at IS NOT NULL) AS all_told, max(n.at) AS last_told_at
  FROM plan_measure m
  LEFT JOIN (SELECT id, told.department AS department, min(told.at) AS at
             FROM (SELECT id, unnest(plan.notified) AS told FROM complaint) GROUP BY 1, 2) n USING (id, department)
  WHERE m.department IS NOT NULL
  GROUP BY m.id
)
SELECT t.*,
       -- Seen at a glance, or found by the assessment: what makes a complaint major (GSB:3.1).
       param_has(t.policy, 'complaint.assess.major_channels', t.channel) OR coalesce(t.severity = 'major', false)
         AS plainly_major,
       -- Who must pass a complaint on: sales, and whoever received what another department answers for (GSB:6.2).
       (has_role(c.received_by, 'sales', t.received_on) AND NOT has_role(c.received_by, 'service_desk', t.received_on))
         OR coalesce(c.assessment.responsible_department <> c.receiving_department, false) AS passed_on,
       CASE WHEN c.receiving_department = q.department THEN list_min(list_transform(c.transfers, lambda x: x.at))
            ELSE list_min(list_transform(list_filter(c.transfers, lambda x: x."to" = q.department), lambda x: x.at)) END
         AS transferred_at,
       list_min(list_transform(list_filter(c.escalations, lambda e: e.to_role = 'exec'), lambda e: e.decision.at))
         AS decided_at,
       -- A minor complaint may be ordered to a department with owner and time limit, without a plan (GSB:6.3.1).
       NOT t.fast_path AND NOT coalesce(
         c.plan IS NULL AND t.severity = 'minor' AND param(t.policy, 'complaint.fast_path') = 'true'
         AND c.assessment.owner IS NOT NULL AND c.assessment.due IS NOT NULL, false) AS plan_needed,
       CASE WHEN n.all_told THEN greatest(c.plan.approved_at, n.last_told_at)
            WHEN n.id IS NULL AND len(c.plan.notified) > 0
              THEN greatest(c.plan.approved_at, list_min(list_transform(c.plan.notified, lambda x: x.at))) END
         AS planned_at,
       -- An extension of the closing that was approved in time (complaint_timeline).
       list_max(list_filter(list_transform(list_filter(c.extensions, lambda e: e.stage = 'close'),
                                           lambda e: end_of_day(e.new_due)), lambda due: due = t.close_due))
         AS close_extended_to,
       -- Of the result that stands, not of one before a reopening; with what the customer thinks of it (GSB:6.6.3).
       CASE WHEN t.confirmation IN ('confirmed', 'confirmed_with_comments') AND t.satisfaction IS NOT NULL
                 AND t.satisfaction_at >= t.resolved_at THEN t.satisfaction_at END AS confirmed_at
FROM complaint_timeline t
JOIN complaint c USING (id)
LEFT JOIN notified n USING (id)
LEFT JOIN (SELECT pack, value AS department FROM parameter WHERE key = 'complaint.quality_department') q
  ON q.pack = t.policy
