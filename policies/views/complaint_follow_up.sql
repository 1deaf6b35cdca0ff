-- One row a measure of a complaint's plan, due on its own day, and one each time its progress is to be followed up
-- (OB-37; GSB:6.4.2, 6.5.3).
SELECT m.id, m.part, t.policy, t.customer, t.project, coalesce(m.department, t.department) AS department,
       t.received_on, t.exclusion, end_of_day(m.due_on) AS due_at, m.done_at, coalesce(m.action, m.id) AS record,
       false AS provisional
FROM plan_measure m JOIN complaint_timeline t USING (id)
UNION ALL
SELECT id, 'follow_up-' || part, policy, customer, project, department, received_on, exclusion, due_at, done_at, id,
       provisional
FROM complaint_round WHERE kind = 'follow_up'
