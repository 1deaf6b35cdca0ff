-- One row a minuted meeting, each kind it serves as, and each period of the company in which it was held.
SELECT m.id, m.kind, m.purpose, m.held_from, p.kind AS every, p.label
FROM minuted_meeting m JOIN company_period p ON m.held_on BETWEEN p.first_day AND p.last_day
