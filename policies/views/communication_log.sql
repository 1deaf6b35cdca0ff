-- One row a communication with the department that leads on it: the one it names, else the project's (COM-03, COM-04).
SELECT c.id, c.policy, c.channel, c.customer, c.project, coalesce(c.owner_department, p.department) AS department,
       CAST(c."at" AS DATE) AS held_on, c.follow_up_required, c.closed_at, c.void IS NOT NULL AS void
FROM communication c
LEFT JOIN project p ON p.id = c.project
