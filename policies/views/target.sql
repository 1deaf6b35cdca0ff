-- Everything a reference may name: records (also those whose file is at fault), contacts and staff.
SELECT l.id, l.type, coalesce(r.void, false) AS void
FROM listing l LEFT JOIN record_index r ON r.id = l.id
UNION ALL
SELECT id || '/' || contact.id, 'contact', false
FROM (SELECT id, unnest(contacts) AS contact FROM customer)
UNION ALL
SELECT id, 'staff', false FROM staff
