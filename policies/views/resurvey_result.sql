-- One row a second survey: whether every item it surveyed again now reaches the line (SRV-06).
SELECT r.id, r.policy, r.customer, r.project, r.department, r.resurvey_of, r.attributed_on,
       coalesce(bool_and(g.satisfied) FILTER (
         s.valid AND g.applicable
         AND (r.resurvey_items = 'all' OR contains(r.resurvey_items, '"' || g.item || '"'))), false)
         AS recovered,
       CASE WHEN r.void THEN 'void' WHEN r.valid_responses = 0 AND r.returned = 0 THEN 'not_returned'
            WHEN r.valid_responses = 0 THEN 'invalid' END AS exclusion
FROM survey_result r
LEFT JOIN survey_sheet s ON s.id = r.id
LEFT JOIN score g ON g.id = s.id AND g.place = s.place
WHERE r.kind = 'resurvey'
GROUP BY ALL
