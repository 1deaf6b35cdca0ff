-- One row a survey that calls for a second one in the following calendar month (08-03:4.1(4)). What calls for one says
-- `survey.resurvey.trigger`: a score below the satisfied line, or only grade 2 of 5 and worse. A re-survey still below
-- the line calls for another until `max_rounds`; after that the matter is `exhausted`: no further survey but escalation.
WITH RECURSIVE rounds AS (
  SELECT id, id AS origin, 0 AS round, kind AS first_kind FROM survey_result WHERE kind <> 'resurvey'
  UNION ALL
  SELECT r.id, p.origin, p.round + 1, p.first_kind FROM survey_result r JOIN rounds p ON r.resurvey_of = p.id
  WHERE r.kind = 'resurvey'
), low AS (
  SELECT s.id, bool_or(NOT g.satisfied) AS below_line, bool_or(5 * g.points <= 2 * g.max_points) AS grade_le_2
  FROM score g JOIN survey_sheet s USING (id, place) WHERE s.valid AND g.applicable GROUP BY s.id
)
SELECT r.id, r.policy, r.kind, r.customer, r.project, r.department, r.void, r.completed_on, n.round,
       n.round >= CAST(param(r.policy, 'survey.resurvey.max_rounds') AS INTEGER) AS exhausted,
       CAST(date_trunc('month', r.completed_on) + INTERVAL 1 MONTH AS DATE) AS from_on,
       last_day(CAST(r.completed_on + INTERVAL 1 MONTH AS DATE)) AS due_on
FROM survey_result r
JOIN rounds n ON n.id = r.id
JOIN low l ON l.id = r.id
WHERE param_has(r.policy, 'survey.resurvey.kinds', n.first_kind)
  AND CASE param(r.policy, 'survey.resurvey.trigger')
        WHEN 'below_line' THEN l.below_line OR NOT r.satisfied
        WHEN 'grade_le_2' THEN l.grade_le_2 ELSE false END
