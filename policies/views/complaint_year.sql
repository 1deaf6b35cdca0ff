-- One row a year and stage of the yearly complaint analysis: the report, then its place in the management review
-- (OB-44; GSB:6.6.4). A year without any complaint is one too.
SELECT year(last_day) AS year, stage, label || CASE stage WHEN 'review' THEN '-review' ELSE '' END AS label, last_day
FROM company_period, (SELECT unnest(['report', 'review']) AS stage)
WHERE kind = 'year'
