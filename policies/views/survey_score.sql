-- One row a score, with the sheet and the survey it stands in; X (not applicable) and invalid sheets are named as such.
SELECT g.id, s.part, g.item, g.grade, g.points, g.max_points, g.satisfied,
       r.policy, r.kind, r.template, r.customer, r.project, r.department, r.attributed_on,
       coalesce(r.kind_exclusion, s.exclusion, CASE WHEN NOT g.applicable THEN 'not_applicable' END) AS exclusion
FROM score g
JOIN survey_sheet s USING (id, place)
JOIN survey_result r ON r.id = g.id
WHERE r.indexed OR r.kind <> 'incident_callback'
