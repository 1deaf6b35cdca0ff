-- One row a company-tier customer and a year in which one of its projects was in service, with whether a yearly survey
-- came back (SRV-03; OB-05, 08-03:4.1(1), CSP:9(1)). The tier is that of the year's last day.
WITH served AS (
  SELECT DISTINCT c.id, y.year FROM customer c
  JOIN project p ON p.customer = c.id AND p.void IS NULL
  JOIN (SELECT unnest(generate_series(year(min(service_from)), year(max(service_to)))) AS year FROM project) y
    ON y.year BETWEEN year(p.service_from) AND year(least(p.service_to, CAST(p.termination.at AS DATE)))
)
SELECT s.id, s.id AS customer, CAST(s.year AS VARCHAR) AS part, s.year, make_date(s.year, 12, 31) AS due_on,
       governing_pack('satisfaction', s.id, NULL, make_date(s.year, 12, 31)) AS policy,
       EXISTS (FROM survey_result r WHERE r.customer = s.id AND r.kind = 'company'
               AND NOT r.void AND r.valid_responses > 0
               AND year(r.attributed_on) = s.year) AS surveyed,
       CASE WHEN c.void IS NOT NULL THEN 'void'
            WHEN waived('OB-05', s.id, CAST(s.year AS VARCHAR)) THEN 'waived' END AS exclusion
FROM served s JOIN customer c ON c.id = s.id
WHERE coalesce(list_last(list_sort(list_filter(c.tier_history, lambda h: h."from" <= make_date(s.year, 12, 31)))).tier,
               c.tier) = 'company'
