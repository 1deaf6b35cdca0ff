-- One row a survey: what came back, whether the customer is satisfied, and which year it belongs to (kpis.md §1, §2).
-- A customer with several key persons: `survey.customer_satisfied` says whether all of them must be satisfied, more than
-- half, or the mean of their scores in every item.
WITH sheets AS (
  SELECT id, count(*) FILTER (returned_on IS NOT NULL) AS returned, count(*) FILTER (valid) AS valid_responses,
         count(*) FILTER (valid AND satisfied) AS satisfied_responses,
         max(returned_on) FILTER (valid) AS completed_on, max(returned_on) AS last_returned_on,
         bool_and(exclusion = 'all_na') FILTER (returned_on IS NOT NULL) AS all_na,
         bool_or(valid AND respondent IN (SELECT c.id FROM contact c WHERE c.key_person)) AS by_key_person
  FROM survey_sheet GROUP BY id
), items AS (
  -- Compared as sums, so that no division rounds: the mean reaches the line when the points reach as many lines.
  SELECT id, bool_and(reached) AS every_mean FROM (
    SELECT id, g.item, sum(g.points) >= sum(g.satisfied_points) AS reached
    FROM score g JOIN survey_sheet s USING (id, place)
    WHERE s.valid AND g.applicable GROUP BY id, g.item)
  GROUP BY id
), judged AS (
  SELECT s.id, s.policy, s.kind, s.template, s.campaign, s.customer, s.project, p.department, s.void IS NOT NULL AS void,
         s.issued_on, s.issued_count, s.resurvey_of, s.resurvey_items, s.attributed_year,
         coalesce(h.returned, 0) AS returned, coalesce(h.valid_responses, 0) AS valid_responses, h.completed_on,
         h.last_returned_on, coalesce(h.all_na, false) AS all_na,
         coalesce(h.by_key_person, false) AS by_key_person, s.initial_analysis."at" AS analysed_at,
         CASE WHEN coalesce(h.valid_responses, 0) = 0 THEN false
              ELSE CASE param(s.policy, 'survey.customer_satisfied')
                     WHEN 'majority' THEN 2 * h.satisfied_responses > h.valid_responses
                     WHEN 'mean' THEN i.every_mean
                     ELSE h.satisfied_responses = h.valid_responses END END AS satisfied,
         param_has(s.policy, 'survey.kinds_in_index', s.kind) AS indexed,
         param(s.policy, 'survey.denominator') = 'issued' AS unreturned_counts
  FROM survey s
  LEFT JOIN sheets h ON h.id = s.id
  LEFT JOIN items i ON i.id = s.id
  LEFT JOIN project p ON p.id = s.project
)
SELECT *, indexed AND exclusion_reason IS NULL AS counts_for_satisfaction
FROM (
  SELECT *,
         -- A late return may be attributed to the year before; then its last day stands for the year.
         CASE WHEN attributed_year <> year(completed_on) THEN make_date(attributed_year, 12, 31)
              ELSE coalesce(completed_on, last_returned_on, issued_on) END AS attributed_on,
         coalesce(kind_exclusion,
                  CASE WHEN NOT indexed THEN NULL
                       WHEN issued_on IS NULL THEN 'not_issued'
                       WHEN valid_responses > 0 OR unreturned_counts THEN NULL
                       WHEN returned = 0 THEN 'not_returned'
                       WHEN all_na THEN 'all_na'
                       ELSE 'invalid' END) AS exclusion_reason
  FROM (
    SELECT *,
           -- A sheet of calls is no survey of a customer, so it is not even left out.
           CASE WHEN kind = 'incident_callback' AND NOT indexed THEN NULL
                WHEN void THEN 'void'
                WHEN NOT indexed THEN 'other_kind' END AS kind_exclusion
    FROM judged)
)
