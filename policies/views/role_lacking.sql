-- Where a record names a person in a role that he held on none of the days concerned (X-13). A person whom the staff
-- file does not know is a broken reference, not this.
SELECT u.id, u.at, u.imported
FROM role_use u JOIN staff s ON s.id = u.person
WHERE NOT EXISTS (
  FROM staff_role h WHERE h.staff = u.person AND list_contains(u.roles, h.role)
    AND h.since <= u.last_day AND (h.until IS NULL OR u.first_day < h.until))
