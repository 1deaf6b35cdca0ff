-- One row a meeting: when its minutes and the customer's confirmation are due (OB-17, OB-18, 08-04:5.3) and what came of
-- them. Without minutes the confirmation is reckoned from the day they were due, so that leaving them out hides nothing.
WITH held AS (
  SELECT id, policy, kind, customer, CASE WHEN len(projects) = 1 THEN projects[1] END AS project,
         void IS NOT NULL AS void, held_to, CAST(held_to AS DATE) AS held_on, minutes.at AS minutes_at,
         status NOT IN ('scheduled', 'cancelled') AND held_to <= as_of() AS held,
         list_has_any(list_prepend(kind, coalesce(also_satisfies, [])), string_split(
             param(policy, 'meeting.confirmable') || ',' || param(policy, 'meeting.confirmable_practice'), ','))
           AS confirmable,
         customer_confirmation.result AS result, customer_confirmation.at AS answered_at,
         end_of_day(add_workdays(CAST(held_to AS DATE), CAST(param(policy, 'meeting.minutes_workdays') AS INTEGER)))
           AS minutes_due
  FROM meeting
), due AS (
  SELECT *, coalesce(result IN ('confirmed', 'confirmed_with_comments'), false) AS confirmed,
         coalesce(result IN ('confirmed', 'confirmed_with_comments', 'rejected'), false) AS answered,
         end_of_day(add_workdays(CAST(coalesce(minutes_at, minutes_due) AS DATE),
                                 CAST(param(policy, 'meeting.confirm_workdays') AS INTEGER))) AS confirm_due,
         end_of_day(CAST(minutes_at AS DATE)
                    + CAST(nullif(param(policy, 'meeting.deemed_confirmation_days'), 'none') AS INTEGER)) AS deemed_at
  FROM held
)
SELECT *,
       CASE WHEN void THEN 'void' WHEN NOT held THEN 'not_held' WHEN minutes_due > as_of() THEN 'not_due' END
         AS minutes_exclusion,
       CASE WHEN void THEN 'void' WHEN NOT held THEN 'not_held' WHEN NOT confirmable THEN 'not_confirmable'
            WHEN answered THEN NULL
            -- Silence that the pack lets pass for consent is counted apart, never as a confirmation (R-MTG-06).
            WHEN deemed_at <= as_of() THEN 'deemed'
            WHEN confirm_due > as_of() THEN 'not_due' END AS confirm_exclusion,
       NOT (is_known(held_on + 1) AND is_known(CAST(minutes_due AS DATE))) AS minutes_provisional,
       NOT (is_known(CAST(coalesce(minutes_at, minutes_due) AS DATE) + 1) AND is_known(CAST(confirm_due AS DATE)))
         AS confirm_provisional
FROM due
