-- The day a survey was complete: when the last valid sheet came back (records.md §2, derived).
SELECT id, max(response.returned_on) AS completed_on FROM survey_answer WHERE response.valid GROUP BY id
