-- One row a report that was issued: the period of the company it is on, and who on the staff got it, by the role held
-- on that day, and when first.
SELECT r.id, r.kind, r.policy, r.customer, r.project, p.label, r.issued_at, s.sent
FROM report r
LEFT JOIN company_period p ON p.first_day = r.period."from" AND p.last_day = r.period."to"
LEFT JOIN (
  SELECT id, map(list(role), list(sent_at)) AS sent
  FROM (SELECT d.id, h.role, min(d.entry."at") AS sent_at
        FROM (SELECT id, unnest(distribution) AS entry FROM report) d
        JOIN staff_role h ON h.staff = d.entry."to" AND h.since <= CAST(d.entry."at" AS DATE)
             AND (h.until IS NULL OR CAST(d.entry."at" AS DATE) < h.until)
        GROUP BY 1, 2)
  GROUP BY id
) s ON s.id = r.id
WHERE r.void IS NULL AND r.status <> 'draft' AND r.approved_at IS NOT NULL AND r.issued_at IS NOT NULL
