-- One row a survey after which a second survey is due in the following calendar month (OB-07, 08-03:4.1(4)), and
-- whether it came back in that month.
SELECT id, policy, kind, customer, project, department, completed_on, from_on, due_on, resurveyed_on,
       resurveyed_on BETWEEN from_on AND due_on AS in_time,
       CASE WHEN void THEN 'void' WHEN end_of_day(due_on) > as_of() THEN 'not_due'
            WHEN waived('OB-07', id, strftime(due_on, '%Y-%m')) THEN 'waived' END AS exclusion
FROM (
  SELECT d.*,
         (SELECT min(a.completed_on) FROM survey_result a
          WHERE a.resurvey_of = d.id AND a.kind = 'resurvey' AND NOT a.void
            AND a.completed_on >= d.from_on) AS resurveyed_on
  FROM resurvey_round d WHERE NOT exhausted
)
