-- One row a survey after which a second survey is due in the following calendar month (OB-07, 08-03:4.1(4)), and
-- whether it came back in that month. `survey.resurvey.trigger` says what calls for one: a score below the satisfied
-- line, or only grade 2 of 5 and worse; a re-survey still below the line calls for another until `max_rounds`.
WITH RECURSIVE rounds AS (
  SELECT id, id AS origin, 0 AS round, kind AS first_kind FROM survey_result WHERE kind <> 'resurvey'
  UNION ALL
  SELECT r.id, p.origin, p.round + 1, p.first_kind FROM survey_result r JOIN rounds p ON r.resurvey_of = p.id
  WHERE r.kind = 'resurvey'
), low AS (
  SELECT s.id, bool_or(NOT g.satisfied) AS below_line, bool_or(5 * g.points <= 2 * g.max_points) AS grade_le_2
  FROM score g JOIN survey_sheet s USING (id, place) WHERE s.valid AND g.applicable GROUP BY s.id
), due AS (
  SELECT r.id, r.policy, r.kind, r.customer, r.project, r.department, r.void, r.completed_on, n.round,
         CAST(date_trunc('month', r.completed_on) AS DATE) + INTERVAL 1 MONTH AS month
  FROM survey_result r
  JOIN rounds n ON n.id = r.id
  JOIN low l ON l.id = r.id
  WHERE param_has(r.policy, 'survey.resurvey.kinds', n.first_kind)
    AND n.round < CAST(param(r.policy, 'survey.resurvey.max_rounds') AS INTEGER)
    AND CASE param(r.policy, 'survey.resurvey.trigger')
          WHEN 'below_line' THEN l.below_line OR NOT r.satisfied
          WHEN 'grade_le_2' THEN l.grade_le_2 ELSE false END
)
SELECT id, policy, kind, customer, project, department, completed_on, from_on, due_on, resurveyed_on,
       resurveyed_on BETWEEN from_on AND due_on AS in_time,
       CASE WHEN void THEN 'void' WHEN end_of_day(due_on) > as_of() THEN 'not_due'
            WHEN waived('OB-07', id, strftime(due_on, '%Y-%m')) THEN 'waived' END AS exclusion
FROM (
  SELECT d.*, CAST(d.month AS DATE) AS from_on, last_day(CAST(d.month AS DATE)) AS due_on,
         (SELECT min(a.completed_on) FROM survey_result a
          WHERE a.resurvey_of = d.id AND a.kind = 'resurvey' AND NOT a.void
            AND a.completed_on >= d.month) AS resurveyed_on
  FROM due d
)
