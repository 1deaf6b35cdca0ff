-- Complaints set against what could have caused them: one row a complaint, one a closed incident, one a project.
SELECT id, 'complaint' AS what, customer, project, department,
       received_on AS happened_on, received_on AS since, received_on AS until, exclusion
FROM complaint_timeline
UNION ALL
SELECT id, 'incident', customer, project, department, closed_on, closed_on, closed_on, CASE WHEN void THEN 'void' END
FROM incident_due
UNION ALL
SELECT id, 'project', customer, id, department, service_from, service_from,
       least(service_to, CAST(termination.at AS DATE)), CASE WHEN void IS NOT NULL THEN 'void' END
FROM project
