-- Items that some valid sheet scores below the satisfied line of its scale (08-03:4.3(4)).
SELECT DISTINCT id, item FROM survey_grade WHERE response.valid AND applicable AND NOT satisfied
