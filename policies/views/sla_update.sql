-- One row a review of a project's service level agreement and when it was reviewed again (OB-20; SD:3). A record holds
-- the last review; the ones before it are known where a correction of the field names them. The last review of a
-- project that ends before the next one is due calls for none.
WITH review AS (
  SELECT id, sla.reviewed_on AS reviewed_on FROM project WHERE sla.reviewed_on IS NOT NULL
  UNION
  SELECT id, TRY_CAST(c."from" AS DATE) FROM (SELECT id, unnest(corrections) AS c FROM project)
  WHERE c.field = 'sla.reviewed_on' AND TRY_CAST(c."from" AS DATE) IS NOT NULL
)
SELECT p.id, p.customer, p.id AS project, p.department, p.void IS NOT NULL AS void, r.reviewed_on, r.reviewed_again_on,
       least(p.service_to, CAST(p.termination.at AS DATE)) AS served_to
FROM (SELECT *, lead(reviewed_on) OVER (PARTITION BY id ORDER BY reviewed_on) AS reviewed_again_on FROM review) r
JOIN project p USING (id)
