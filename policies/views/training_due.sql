-- One row a project whose scope includes training the customer's staff: when the manual was issued and when a training
-- was held and minuted in which every trainee was assessed (OB-24; CSP:5).
SELECT p.id, p.customer, p.id AS project, p.department, p.void IS NOT NULL AS void, p.service_from,
       least(p.service_to, CAST(p.termination.at AS DATE)) AS served_to,
       p.maintenance_manual.issued_on AS manual_on, t.trained_at, t.meeting,
       CASE WHEN p.maintenance_manual IS NOT NULL AND t.trained_at IS NOT NULL
         THEN greatest(CAST(p.maintenance_manual.issued_on AS TIMESTAMPTZ), t.trained_at) END AS done_at
FROM project p
LEFT JOIN (
  SELECT project, min(held_from) AS trained_at, arg_min(id, held_from) AS meeting
  FROM (SELECT *, unnest(projects) AS project FROM minuted_meeting WHERE kind = 'training')
  WHERE len(training.trainees) > 0 AND len(list_filter(training.trainees, lambda t: t.result IS NULL)) = 0
  GROUP BY project
) t ON t.project = p.id
WHERE p.scope.training
