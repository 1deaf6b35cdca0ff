-- One row a complaint as in complaint_timeline, registered when it landed, or where the history does not tell, when it
-- says itself (GH-10, CMP-17).
SELECT * EXCLUDE (landed_at, backfilled_at) REPLACE (coalesce(landed_at, registered_at) AS registered_at)
FROM complaint_timeline LEFT JOIN landed USING (id)
