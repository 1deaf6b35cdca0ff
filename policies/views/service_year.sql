-- One row a customer and a year in which one of its projects was in service, and the first day of that year on which
-- one was (obligations.md §2.4: who comes late in the year is exempt from some yearly duties).
SELECT p.customer AS id, p.customer, y.year, CAST(y.year AS VARCHAR) AS label, make_date(y.year, 12, 31) AS last_day,
       min(greatest(p.service_from, make_date(y.year, 1, 1))) AS served_from
FROM (SELECT customer, service_from, least(service_to, CAST(termination.at AS DATE)) AS served_to
      FROM project WHERE void IS NULL) p
JOIN customer c ON c.id = p.customer AND c.void IS NULL
JOIN (SELECT unnest(generate_series(year(min(service_from)), year(max(service_to)))) AS year FROM project) y
  ON y.year BETWEEN year(p.service_from) AND year(p.served_to)
GROUP BY p.customer, y.year
