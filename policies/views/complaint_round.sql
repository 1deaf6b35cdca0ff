-- One row each time something is owed again and again while a complaint is being handled: its `kind` is follow_up (by
-- who tracks the plan, GSB:6.5.3) or update (to the customer, GSB:6.4.1). Each entry begins the wait for the next one;
-- a resolution ends the waiting, and a reopening begins it anew.
WITH event AS (
  SELECT id, 'follow_up' AS kind, plan.approved_at AS happened_at, true AS begins FROM complaint WHERE plan IS NOT NULL
  UNION ALL
  SELECT id, 'follow_up', p.at, false FROM (SELECT id, unnest(progress) AS p FROM complaint)
  UNION ALL
  SELECT m.id, 'follow_up', a.p.at, false
  FROM plan_measure m JOIN (SELECT id, unnest(progress) AS p FROM action) a ON a.id = m.action
  UNION ALL
  SELECT id, 'update', assessed_at, true FROM complaint_timeline
  WHERE param_has(policy, 'complaint.update_levels', severity)
  UNION ALL
  SELECT id, 'update', u.at, false FROM (SELECT id, unnest(customer_updates) AS u FROM complaint)
  UNION ALL
  SELECT id, kind, r.at, true
  FROM (SELECT id, unnest(reopenings) AS r FROM complaint), (SELECT unnest(['follow_up', 'update']) AS kind)
), wait AS (
  SELECT e.*, t.policy, t.customer, t.project, t.department, t.received_on, t.resolved_at, t.exclusion,
         lead(e.happened_at) OVER later AS next_at, coalesce(lead(e.begins) OVER later, false) AS next_begins
  FROM event e JOIN complaint_timeline t USING (id)
  -- What comes before the plan or the assessment, or after the resolution, belongs to no wait.
  WHERE (t.resolved_at IS NULL OR e.happened_at <= t.resolved_at)
    AND e.happened_at >= (SELECT min(b.happened_at) FROM event b WHERE b.id = e.id AND b.kind = e.kind AND b.begins)
    AND (e.kind <> 'update' OR param_has(t.policy, 'complaint.update_levels', t.severity))
  WINDOW later AS (PARTITION BY e.id, e.kind ORDER BY e.happened_at, e.begins DESC)
), due AS (
  SELECT *,
         CASE WHEN kind = 'update' AND begins
                THEN happened_at + to_hours(CAST(param(policy, 'complaint.first_update_hours') AS INTEGER))
              ELSE end_of_day(add_workdays(CAST(happened_at AS DATE), CAST(param(policy, CASE kind
                     WHEN 'update' THEN 'complaint.update_workdays' ELSE 'complaint.follow_up_workdays' END)
                   AS INTEGER))) END AS due_at
  FROM wait
  WHERE NOT next_begins
)
SELECT id, kind, CAST(row_number() OVER (PARTITION BY id, kind ORDER BY happened_at, begins DESC) AS VARCHAR) AS part,
       policy, customer, project, department, received_on, exclusion, happened_at AS begins_at, due_at,
       coalesce(next_at, resolved_at) AS done_at,
       NOT (is_known(CAST(happened_at AS DATE) + 1) AND is_known(CAST(due_at AS DATE))) AS provisional
FROM due
-- Resolved before the next entry was due: none was owed.
WHERE next_at IS NOT NULL OR resolved_at IS NULL OR resolved_at > due_at
