-- Corrections of immutable fields, over all record types (GH-04).
SELECT id, item.field AS field FROM (
  SELECT id, unnest(corrections) AS item FROM complaint
  UNION ALL SELECT id, unnest(corrections) FROM survey
  UNION ALL SELECT id, unnest(corrections) FROM meeting
  UNION ALL SELECT id, unnest(corrections) FROM action
  UNION ALL SELECT id, unnest(corrections) FROM communication
  UNION ALL SELECT id, unnest(corrections) FROM report
  UNION ALL SELECT id, unnest(corrections) FROM incident
  UNION ALL SELECT id, unnest(corrections) FROM project)
