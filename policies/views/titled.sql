-- Records with a title, which search engines and lists show first.
SELECT id, title, customer FROM complaint
UNION ALL SELECT id, title, customer FROM survey
UNION ALL SELECT id, title, customer FROM meeting
UNION ALL SELECT id, title, customer FROM action
