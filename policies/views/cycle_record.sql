-- What shows that a cycle of a service level agreement was reported on: an issued service report of the same period
-- (08-04:4.2), or a minuted service report meeting whose period covers it (08-04:5.3).
SELECT c.what, c.project, c.label, r.id, r.issued_at AS done_at
FROM service_cycle c
JOIN report r ON r.project = c.project AND r.period."from" IN (c.from_on, c.first_day)
                 AND r.period."to" IN (c.to_on, c.last_day)
WHERE c.what = 'report' AND r.kind = 'service_report' AND r.void IS NULL AND r.status <> 'draft'
  AND r.issued_at IS NOT NULL
UNION ALL
SELECT c.what, c.project, c.label, m.id, m.held_from
FROM service_cycle c
JOIN (SELECT g.id, g.held_from, g.period, unnest(g.projects) AS project
      FROM minuted_meeting s JOIN meeting g ON g.id = s.id WHERE s.kind = 'service_report') m
  ON m.project = c.project AND m.period."from" <= c.first_day AND m.period."to" >= c.last_day
WHERE c.what = 'meeting'
