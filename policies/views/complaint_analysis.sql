-- One row an approved yearly complaint analysis: its year, the month and day up to which it reaches, and when it went
-- into the management review (GSB:6.6.4).
SELECT id, policy, year(period."to") AS year, strftime(period."to", '%m-%d') AS cut_off, approved_at,
       management_review.included_at AS included_at
FROM report
WHERE kind = 'complaint_annual' AND void IS NULL AND status <> 'draft' AND approved_at IS NOT NULL
  AND period."from" <= make_date(year(period."to"), 1, 1)
