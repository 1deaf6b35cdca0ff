-- One row a notice of service channels to a customer, and whether with those before it the project's customer has been
-- told both of the service desk and of the complaint hotline (08-04:4.3, 4.4).
SELECT id, project, customer, told_at,
       bool_or(desk) OVER told AND bool_or(hotline) OVER told AS complete
FROM (SELECT id, project, customer, "at" AS told_at, coalesce(notice.service_desk, false) AS desk,
             coalesce(notice.complaint_hotline, false) AS hotline
      FROM communication WHERE void IS NULL AND purpose = 'channel_notice')
WINDOW told AS (PARTITION BY project ORDER BY told_at)
