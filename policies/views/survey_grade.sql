-- One row a score of a survey that is not void: item, grade as text, and what the template's scale says of it.
-- `scale` is NULL where the record's policy has no such template, `known` false where the scale has no such grade.
SELECT a.* EXCLUDE (entry), a.entry.key AS item, a.entry.value AS grade, t.scale AS scale, g.code IS NOT NULL AS known,
       g.applicable AS applicable, g.satisfied AS satisfied, g.lowest AS lowest
FROM (SELECT *, unnest(map_entries(response.scores)) AS entry FROM survey_answer) a
     LEFT JOIN template t ON t.pack = a.policy AND t.id = a.template
     LEFT JOIN grade g ON g.pack = a.policy AND g.scale = t.scale AND g.code = a.entry.value
