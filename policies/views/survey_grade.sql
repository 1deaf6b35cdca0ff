-- One row a score: the item and the grade given, as text.
SELECT * EXCLUDE (entry), entry.key AS item, entry.value AS grade
FROM (SELECT *, unnest(map_entries(response.scores)) AS entry FROM survey_answer)
