-- One row a service report: when the customer's confirmation of it is due and what came of it (OB-03, 08-04:4.2).
SELECT *,
       CASE WHEN void THEN 'void' WHEN answered THEN NULL
            WHEN confirm_due > as_of() THEN 'not_due' END AS exclusion,
       NOT (is_known(issued_on + 1) AND is_known(CAST(confirm_due AS DATE))) AS provisional
FROM (
  SELECT r.id, r.policy, r.customer, r.project, p.department, r.void IS NOT NULL AS void,
         CAST(r.issued_at AS DATE) AS issued_on,
         coalesce(r.customer_confirmation.result IN ('confirmed', 'confirmed_with_comments'), false) AS confirmed,
         coalesce(r.customer_confirmation.result IN ('confirmed', 'confirmed_with_comments', 'rejected'), false)
           AS answered,
         end_of_day(add_workdays(CAST(r.issued_at AS DATE),
                                 CAST(param(r.policy, 'service_report.confirm_workdays') AS INTEGER))) AS confirm_due
  FROM report r
  LEFT JOIN project p ON p.id = r.project
  WHERE r.kind = 'service_report'
)
