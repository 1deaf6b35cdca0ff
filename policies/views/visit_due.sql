-- One row a customer and period of the company in which one of its projects was in service (OB-23; CSP:3).
SELECT DISTINCT p.customer AS id, p.customer, d.kind, d.label, d.last_day
FROM (SELECT customer, service_from, least(service_to, CAST(termination.at AS DATE)) AS served_to
      FROM project WHERE void IS NULL) p
JOIN company_period d ON p.service_from <= d.last_day AND p.served_to >= d.first_day
