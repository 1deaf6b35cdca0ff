-- One row a minuted meeting that serves as an executive briefing, and whether it is complete: a customer executive was
-- present and the three contents are written down (08-04:4.1).
SELECT g.id, g.customer, g.held_from, m.held_on, year(m.held_on) AS year,
       EXISTS (FROM contact c WHERE c.executive AND list_contains(g.customer_attendees, c.id))
         AND g.exec_briefing.business_development IS NOT NULL AND g.exec_briefing.customer_needs IS NOT NULL
         AND g.exec_briefing.opinions_suggestions IS NOT NULL AS complete
FROM minuted_meeting m JOIN meeting g ON g.id = m.id
WHERE m.kind = 'exec_briefing'
