-- Items that some valid sheet scores below the satisfied line of its scale (08-03:4.3(4)).
SELECT DISTINCT s.id, s.item
FROM survey_grade s
JOIN template t ON t.pack = s.policy AND t.id = s.template
JOIN grade g ON g.pack = s.policy AND g.scale = t.scale AND g.code = s.grade
WHERE s.response.valid AND g.applicable AND NOT g.satisfied
