-- One row a sheet, or call, of a survey that is not void; `place` is its index in the file, from 0.
SELECT id, kind, policy, template, week, customer, project, resurvey_items, response, place
FROM (SELECT *, unnest(responses) AS response, generate_subscripts(responses, 1) - 1 AS place FROM survey WHERE void IS NULL)
