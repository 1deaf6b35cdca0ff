-- One row an accepted project: when its survey is due and when one came back (SRV-04; OB-08, 08-03:4.1(2)).
SELECT *,
       CASE WHEN void THEN 'void' WHEN NOT promised OR NOT in_scope THEN 'out_of_scope'
            WHEN waived('OB-08', id, NULL) THEN 'waived'
            WHEN end_of_day(due_on) > as_of() THEN 'not_due' END AS exclusion
FROM (
  SELECT *, param(policy, 'survey.cadence.project') IS NOT NULL AS promised,
         accepted_on + CAST(param(policy, 'survey.after_acceptance_days') AS INTEGER) AS due_on,
         (SELECT min(r.completed_on) FROM survey_result r
          WHERE r.project = a.id AND r.kind = 'project' AND NOT r.void
            AND r.completed_on >= a.accepted_on) AS surveyed_on
  FROM (SELECT id, customer, id AS project, department, void IS NOT NULL AS void,
               coalesce(scope.surveys, true) AS in_scope,
               acceptance.accepted_on AS accepted_on,
               governing_pack('satisfaction', customer, id, acceptance.accepted_on) AS policy
        FROM project WHERE acceptance.accepted_on IS NOT NULL) a
)
