-- One row a visit to a customer and each period of the company in which it was made (OB-23; CSP:3).
SELECT c.id, c.customer, c."at" AS visited_at, p.kind AS every, p.label
FROM communication c JOIN company_period p ON CAST(c."at" AS DATE) BETWEEN p.first_day AND p.last_day
WHERE c.void IS NULL AND (c.channel = 'visit' OR c.purpose = 'visit')
