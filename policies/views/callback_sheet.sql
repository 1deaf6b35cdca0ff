-- One row an incident that a call-back sheet lists: when it was called, or that it was left out of the sample, and how
-- many of the sheet's incidents were called of how many listed (OB-06, 08-03:4.1(3), 08-04:4.3).
SELECT a.id, a.week, a.response.incident AS incident, a.response.called_at AS called_at, s.issued_on,
       s.selection = 'sample' AND a.response.called_at IS NULL AND a.response.outcome IS NULL AS left_out,
       count(a.response.called_at) OVER sheet AS called, count(*) OVER sheet AS listed
FROM survey_answer a JOIN survey s ON s.id = a.id
WHERE a.kind = 'incident_callback'
WINDOW sheet AS (PARTITION BY a.id)
