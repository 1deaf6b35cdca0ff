-- One row a score of an item that its policy's weighted table lists: the points the table gives that grade and the item's
-- full marks (SAT-04; CSP:5.3). A lookup, not weight times rate: the table's rows need not be proportional.
SELECT s.* EXCLUDE (points, max_points), CAST(p.value AS INTEGER) AS points, CAST(f.value AS INTEGER) AS full_points,
       CASE WHEN p.value IS NULL AND s.exclusion IS NULL THEN 'not_in_table' END AS unlisted
FROM survey_score s
JOIN parameter f ON f.pack = s.policy AND f.key = 'survey.weighted.items.' || s.item || '.full'
LEFT JOIN parameter p ON p.pack = s.policy AND p.key = 'survey.weighted.items.' || s.item || '.' || s.grade
