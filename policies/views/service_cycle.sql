-- One row a project, what its service level agreement promises for each cycle (`what`: report or meeting), and a cycle
-- that lies in its service: calendar months, quarters, half-years, years, or up to each agreed date (08-04:4.2, 5.3).
-- A cycle that service only begins or ends in counts too; then first_day and last_day are those in service.
WITH agreed AS (
  SELECT 'report' AS what, sla.report_cycle AS cycle, list_sort(sla.report_dates) AS dates, sla.report_due.n AS due_n,
         sla.report_due.unit AS due_unit, *
  FROM project
  UNION ALL
  SELECT 'meeting', sla.meeting_cycle, NULL, NULL, NULL, * FROM project
), served AS (
  SELECT what, cycle, dates, due_n, due_unit, id AS project, customer, department, service_from,
         least(service_to, CAST(termination.at AS DATE)) AS service_to,
         CASE cycle WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3 WHEN 'half_yearly' THEN 6 WHEN 'yearly' THEN 12 END
           AS months
  FROM agreed WHERE void IS NULL
), cycles AS (
  SELECT *, from_on + to_months(months) - INTERVAL 1 DAY AS to_on
  FROM (SELECT *, unnest(generate_series(date_trunc('year', service_from), service_to, to_months(months))) AS from_on
        FROM served WHERE months IS NOT NULL)
  UNION ALL
  SELECT * EXCLUDE (place), dates[place] AS to_on
  FROM (SELECT *, coalesce(dates[place - 1] + INTERVAL 1 DAY, service_from) AS from_on
        FROM (SELECT *, unnest(generate_series(1, len(dates))) AS place FROM served WHERE cycle = 'dates'))
)
SELECT project AS id, what, project, customer, department, cycle, due_n, due_unit,
       CASE cycle WHEN 'monthly' THEN strftime(from_on, '%Y-%m')
                  WHEN 'quarterly' THEN year(from_on) || '-Q' || quarter(from_on)
                  WHEN 'half_yearly' THEN year(from_on) || '-H' || (month(from_on) // 6 + 1)
                  WHEN 'yearly' THEN CAST(year(from_on) AS VARCHAR)
                  ELSE strftime(to_on, '%Y-%m-%d') END AS label,
       CAST(from_on AS DATE) AS from_on, CAST(to_on AS DATE) AS to_on,
       CAST(greatest(from_on, service_from) AS DATE) AS first_day, CAST(least(to_on, service_to) AS DATE) AS last_day
FROM cycles
WHERE to_on >= service_from AND from_on <= service_to
