-- One row a measure of a complaint's plan (GSB:6.4.2), `part` naming it as emergency-1 or long_term-2. A measure handed
-- to an action is done when that is complete.
SELECT m.id, m.part, m.item.department AS department, m.item.owner AS owner, m.item.due AS due_on, a.id AS action,
       coalesce(CAST(m.item.done_on AS TIMESTAMPTZ),
                CASE WHEN coalesce(a.exclusion, '') NOT IN ('void', 'cancelled') THEN a.completed_at END) AS done_at
FROM (
  SELECT id, 'emergency-' || generate_subscripts(plan.emergency, 1) AS part, unnest(plan.emergency) AS item
  FROM complaint
  UNION ALL
  SELECT id, 'long_term-' || generate_subscripts(plan.long_term, 1), unnest(plan.long_term)
  FROM complaint
) m LEFT JOIN action_due a ON a.id = m.item.action
