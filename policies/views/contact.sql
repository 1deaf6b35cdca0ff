-- Contacts of customers under the name by which records refer to them.
SELECT c.id || '/' || c.contact.id AS id, c.id AS customer, c.contact.key_person AS key_person, c.contact.executive AS executive
FROM (SELECT id, unnest(contacts) AS contact FROM customer) c
