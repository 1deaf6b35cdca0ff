-- One row an action item of a meeting held: due and done (MTG-03). An item handed to an action is done when that is.
SELECT i.id, CAST(i.place AS VARCHAR) AS part, i.customer, i.project, i.due_on, i.done_on,
       i.done_on <= i.due_on AS in_time,
       CASE WHEN i.void THEN 'void' WHEN i.cancelled THEN 'cancelled'
            WHEN end_of_day(i.due_on) > as_of() THEN 'not_due' END AS exclusion
FROM (
  SELECT m.id, m.place, m.customer, m.project, m.void, m.item.due AS due_on,
         coalesce(m.item.done_on, CAST(a.completed_at AS DATE)) AS done_on,
         coalesce(a.exclusion IN ('cancelled', 'void'), false) AND m.item.done_on IS NULL AS cancelled
  FROM (SELECT id, customer, CASE WHEN len(projects) = 1 THEN projects[1] END AS project, void IS NOT NULL AS void,
               unnest(action_items) AS item, generate_subscripts(action_items, 1) AS place
        FROM meeting WHERE status NOT IN ('scheduled', 'cancelled')) m
  LEFT JOIN action_due a ON a.id = m.item.action
) i
