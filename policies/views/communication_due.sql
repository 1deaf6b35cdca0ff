-- One row a communication that something must follow: when it is to be settled and when it was, with everything that
-- follows it (OB-22; SD:1.1, CSP:4, 8). `handed` is the deadline of the actions it was handed to, after re-planning.
SELECT c.id, c.policy, c.customer, c.project, c.owner_department AS department, c.void IS NOT NULL AS void, c.at,
       CAST(c.at AS DATE) AS at_on, f.handed_on,
       CASE WHEN coalesce(f.open, 0) = 0 THEN greatest(c.closed_at, f.settled_at) END AS settled_at
FROM communication c
LEFT JOIN (
  SELECT f.id, max(d.due_on) AS handed_on,
         count(*) FILTER (coalesce(a.closure.at, p.closed_at, m.minutes_at) IS NULL
                          AND coalesce(d.exclusion, p.exclusion, '') NOT IN ('void', 'cancelled')) AS open,
         max(coalesce(a.closure.at, p.closed_at, m.minutes_at)) AS settled_at
  FROM (SELECT id, unnest(follow_ups) AS target FROM communication) f
  LEFT JOIN action a ON a.id = f.target
  LEFT JOIN action_due d ON d.id = f.target
  LEFT JOIN complaint_timeline p ON p.id = f.target
  LEFT JOIN (SELECT DISTINCT id, minutes_at FROM minuted_meeting) m ON m.id = f.target
  GROUP BY f.id
) f USING (id)
WHERE c.follow_up_required
