-- One row an incident that must be called back and stands on no call-back sheet of the week it was closed in (R-SUR-08b):
-- in scope, neither reopened nor waived, and not reached since it was closed.
SELECT i.id, strftime(i.closed_on, '%G-W%V') AS week, i.customer, n.contact, i.closed_at, i.due_on
FROM incident_due i JOIN incident n ON n.id = i.id
WHERE i.in_scope AND coalesce(i.exclusion, 'out_of_scope') = 'out_of_scope'
  AND NOT EXISTS (FROM callback_sheet c WHERE c.incident = i.id AND c.week = strftime(i.closed_on, '%G-W%V'))
  AND NOT EXISTS (FROM callback_line l WHERE l.incident = i.id AND l.outcome = 'reached' AND l.called_at >= i.closed_at)
