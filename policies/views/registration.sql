-- One row a record of something that happened on a day, with when it was registered (GH-10, AUD-01): when it landed, or
-- where the history does not tell, when it says itself. `backfilled` tells that stamps of it were filled in long
-- afterwards (GH-11). Customers are left out: nothing happens on a day of theirs.
SELECT * EXCLUDE (landed_at, backfilled_at) REPLACE (coalesce(landed_at, registered_at) AS registered_at),
       void IS NOT NULL AS is_void, import IS NOT NULL AS imported,
       coalesce(backfilled_at <= as_of(), false) AS backfilled
FROM (
  SELECT id, policy, customer, project, registered_at, CAST(received_at AS DATE) AS happened_on, void, import
  FROM complaint
  UNION ALL BY NAME
  SELECT id, policy, customer, project, registered_at, issued_on AS happened_on, void, import FROM survey
  UNION ALL BY NAME
  SELECT id, policy, customer, CASE WHEN len(projects) = 1 THEN projects[1] END AS project, registered_at,
         CAST(held_to AS DATE) AS happened_on, void, import FROM meeting
  UNION ALL BY NAME
  SELECT id, policy, customer, project, registered_at, CAST("at" AS DATE) AS happened_on, void, import
  FROM communication
  UNION ALL BY NAME
  SELECT id, policy, customer, project, registered_at, CAST(prepared_at AS DATE) AS happened_on, void, import
  FROM report
  UNION ALL BY NAME
  SELECT id, policy, customer, project, registered_at, CAST(issued_at AS DATE) AS happened_on, void, import
  FROM action
  UNION ALL BY NAME
  SELECT id, customer, id AS project, registered_at, signed_on AS happened_on, void, import FROM project
  UNION ALL BY NAME
  SELECT id, customer, project, registered_at, CAST(closed_at AS DATE) AS happened_on, void, import FROM incident
) LEFT JOIN landed USING (id)
