-- One row a month, quarter, half-year and year of the company, from the year of its first policy in force to that of
-- as_of(), with the label people write (kpis.md §0.3): what the company owes whether or not any record exists.
WITH months AS (
  SELECT CAST(unnest(generate_series(date_trunc('year', min(since)),
                                     make_date(year(as_of_date()), 12, 1), INTERVAL 1 MONTH)) AS DATE) AS day
  FROM composition
)
SELECT 'month' AS kind, strftime(day, '%Y-%m') AS label, day AS first_day, last_day(day) AS last_day FROM months
UNION ALL
SELECT 'quarter', year(day) || '-Q' || quarter(day), day, last_day(day + INTERVAL 2 MONTH) FROM months
WHERE month(day) % 3 = 1
UNION ALL
SELECT 'half_year', year(day) || '-H' || (month(day) // 6 + 1), day, last_day(day + INTERVAL 5 MONTH) FROM months
WHERE month(day) % 6 = 1
UNION ALL
SELECT 'year', CAST(year(day) AS VARCHAR), day, last_day(day + INTERVAL 11 MONTH) FROM months WHERE month(day) = 1
