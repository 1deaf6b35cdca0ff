-- Departures from the derived severity that someone must approve (R-CMP-02): whose approval, of which day, and
-- whether they lower the gravest severity. An override always needs it, a later correction only if it lowers.
WITH change AS (
  SELECT c.id, c.policy, 'assessment.severity_override.approved_by' AS at,
         c.assessment.severity_override.approved_by AS approved_by, CAST(c.assessment.at AS DATE) AS day,
         d.severity AS old, c.assessment.severity AS new, true AS always
  FROM complaint c LEFT JOIN derived_severity d ON d.id = c.id
  WHERE c.void IS NULL AND c.assessment.severity_override IS NOT NULL
  UNION ALL
  SELECT c.id, c.policy, 'corrections[' || c.place || '].approved_by', c.item.approved_by, CAST(c.item.at AS DATE),
         coalesce(c.item."from", d.severity), coalesce(c.item."to", c.assessment.severity), false
  FROM (SELECT *, unnest(corrections) AS item, generate_subscripts(corrections, 1) - 1 AS place
        FROM complaint WHERE void IS NULL) c
       LEFT JOIN derived_severity d ON d.id = c.id
  WHERE c.item.field = 'assessment.severity')
SELECT c.id, c.at, c.approved_by, c.day, coalesce(o.position = 0 AND n.position > 0, false) AS lowers_major
FROM change c
     LEFT JOIN vocabulary o ON o.pack = c.policy AND o.name = 'severity' AND o.code = c.old
     LEFT JOIN vocabulary n ON n.pack = c.policy AND n.name = 'severity' AND n.code = c.new
WHERE c.always OR n.position > o.position
