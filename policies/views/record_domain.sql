-- One row a record and a domain whose policy may rule it: the domains of its type. The communication policy rules of
-- surveys only call-back sheets, as it asks for samples where no satisfaction policy asks for calls (08-04:4.3).
SELECT r.id, d.domain
FROM record_index r JOIN type_domain d ON d.type = r.type
WHERE d.domain <> 'communication' OR r.type <> 'survey' OR r.id IN (
  SELECT id FROM survey
  WHERE kind = 'incident_callback'
    AND param(governing_pack('satisfaction', customer, project, issued_on), 'survey.cadence.incident') IS NULL)
