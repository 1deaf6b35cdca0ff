-- One row a duty to train the customer's staff, and whether a training was minuted and everybody trained for the project
-- passed in the end (MTG-05; CSP:5). Who fails may be trained again: a trainee's last result counts.
WITH trainee AS (
  SELECT project, coalesce(trainee.contact, trainee.role_label) AS who, trainee.result AS result, held_from
  FROM (SELECT held_from, unnest(projects) AS project, training.trainees AS trainees
        FROM minuted_meeting WHERE kind = 'training'), unnest(trainees) AS t(trainee)
)
SELECT d.*, coalesce(p.passed, false) AS passed
FROM duty d
LEFT JOIN (
  SELECT project, bool_and(coalesce(passed, false)) AS passed
  FROM (SELECT project, who, arg_max(coalesce(result = 'pass', false), held_from) AS passed FROM trainee GROUP BY ALL)
  GROUP BY project
) p ON p.project = d.subject
WHERE d.obligation = 'OB-24'
