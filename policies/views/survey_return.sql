-- One row a returned sheet of the surveys that count (SRV-02), dated like its survey.
SELECT s.id, s.part, s.policy, s.customer, s.project, r.department, r.indexed, s.valid,
       coalesce(r.completed_on, r.last_returned_on) AS completed_on,
       r.kind_exclusion AS exclusion
FROM survey_sheet s JOIN survey_result r ON r.id = s.id
WHERE s.returned_on IS NOT NULL
