-- One row a score of a survey sheet: the grade given, its points, and how its scale judges it (08-03:4.3, CSP:10(2)).
-- A grade outside the scale counts for nothing; the rules on vocabulary and surveys report it.
SELECT r.id, r.place, r.entry.key AS item, r.entry.value AS grade,
       g.points, g.max_points, coalesce(g.applicable, false) AS applicable, coalesce(g.satisfied, false) AS satisfied,
       coalesce(g.lowest, false) AS lowest,
       -- The points from which on this scale is satisfied.
       (SELECT min(s.points) FROM grade s WHERE s.pack = g.pack AND s.scale = g.scale AND s.satisfied)
         AS satisfied_points
FROM (SELECT id, policy, template, place, unnest(map_entries(response.scores)) AS entry
      FROM (SELECT id, policy, template, unnest(responses) AS response, generate_subscripts(responses, 1) - 1 AS place
            FROM survey)) r
LEFT JOIN template t ON t.pack = r.policy AND t.id = r.template
LEFT JOIN grade g ON g.pack = r.policy AND g.scale = t.scale AND g.code = r.entry.value
