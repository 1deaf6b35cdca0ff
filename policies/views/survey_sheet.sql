-- One row a survey sheet (an entry of `responses`, `place` counted from 0): whether it came back, is valid, and is
-- satisfied in every score. A sheet on which nothing applies is invalid (R-SUR-02): otherwise "every score reaches the
-- line" would be empty truth.
SELECT *,
       CASE WHEN void THEN 'void'
            WHEN returned_on IS NULL THEN 'not_returned'
            WHEN valid THEN NULL
            WHEN invalid_reason = 'all_na' OR (invalid_reason IS NULL AND applicable = 0) THEN 'all_na'
            ELSE 'invalid' END AS exclusion
FROM (
  SELECT s.id, s.place, CAST(s.response.no AS VARCHAR) AS part, s.policy, s.kind, s.customer, s.project, s.void,
         s.response.respondent AS respondent, s.response.incident AS incident, s.response.called_at AS called_at,
         s.response.outcome AS outcome,
         s.response.returned_on AS returned_on, s.response.invalid_reason AS invalid_reason,
         coalesce(n.applicable, 0) AS applicable,
         s.response.returned_on IS NOT NULL AND coalesce(s.response.valid, false) AND coalesce(n.applicable, 0) > 0
           AS valid,
         s.response.returned_on IS NOT NULL AND coalesce(s.response.valid, false) AND n.applicable > 0 AND n.below = 0
           AS satisfied
  FROM (SELECT id, policy, kind, customer, project, void IS NOT NULL AS void, unnest(responses) AS response,
               generate_subscripts(responses, 1) - 1 AS place FROM survey) s
  LEFT JOIN (SELECT id, place, count(*) FILTER (applicable) AS applicable,
                    count(*) FILTER (applicable AND NOT satisfied) AS below
             FROM score GROUP BY id, place) n USING (id, place)
)
