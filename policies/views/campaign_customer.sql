-- One row a customer and a year in which a yearly survey is owed to it (customer_year), who is of company tier today and
-- not void, waived or inactive: to whom a campaign sends its questionnaires (08-03:4.1(1)).
SELECT c.id, y.year, coalesce(c.short_name, c.name) AS name, c.short_name
FROM customer_year y JOIN customer c ON c.id = y.id
WHERE y.exclusion IS NULL AND c.status = 'active'
  AND coalesce(list_max(list_filter(c.tier_history, lambda h: h."from" <= as_of_date())).tier, c.tier) = 'company'
