-- Titles and summaries, which lists and search show first: of which record, in which field, about which customer.
SELECT id, 'title' AS field, title, customer FROM complaint
UNION ALL SELECT id, 'title', title, customer FROM survey
UNION ALL SELECT id, 'title', title, customer FROM meeting
UNION ALL SELECT id, 'title', title, customer FROM action
UNION ALL SELECT id, 'title', title, customer FROM communication
UNION ALL SELECT id, 'title', title, customer FROM report
UNION ALL SELECT id, 'summary', summary, customer FROM incident
