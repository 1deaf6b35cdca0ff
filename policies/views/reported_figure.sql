-- One row a figure that a report states, with what it is to be recomputed for: the days reported on and, for a report on
-- one customer or project, that slice (R-RPT-02; of the yearly complaint analysis X-10).
SELECT r.id, r._path AS path, CASE WHEN r.kind = 'complaint_annual' THEN 'X-10' ELSE 'R-RPT-02' END AS code,
       r.place, r.figure.kpi AS kpi, r.figure.value AS value, r.figure.num AS num, r.figure.den AS den,
       r.period."from" AS first_day, r.period."to" AS last_day, r.as_of, r.approved_at,
       CASE WHEN r.project IS NOT NULL THEN 'project' WHEN r.customer IS NOT NULL THEN 'customer' END AS dimension,
       coalesce(r.project, r.customer) AS slice
FROM (SELECT *, unnest(figures) AS figure, generate_subscripts(figures, 1) - 1 AS place FROM report) r
WHERE r.void IS NULL AND r.as_of IS NOT NULL
ORDER BY r.id, r.place
