-- One row a complaint: what happened when, the limits that the record's own pack sets (kpis.md §3), and what is due at
-- as_of(). Limits in clock hours end at the second, limits in working days with the end of their day.
-- Stamps decide, never the status: what was stamped after as_of() has not happened yet, and a resolution or closure
-- that a reopening followed no longer stands.
WITH told AS (
  SELECT *,
         CAST(received_at AS DATE) AS received_on,
         assessment.severity AS severity,
         -- Before assessment the limits of the level that the pack names apply.
         'complaint.limits.' || coalesce(assessment.severity, param(policy, 'complaint.limits.unassessed_severity'))
           AS limits,
         list_max(list_transform(coalesce(reopenings, []), lambda r: r.at)) AS reopened_at,
         len(coalesce(reopenings, [])) AS reopened,
         -- Who must be told of a major complaint at once (GSB:6.3.2): the first report to each.
         list_transform(string_split(coalesce(param(policy, 'complaint.report_levels.major'), 'qa_manager,exec'), ','),
           lambda role: list_min(list_transform(list_filter(coalesce(escalations, []), lambda e: e.to_role = role),
                                                lambda e: e.at))) AS reports
  FROM complaint
), standing AS (
  SELECT *,
         CASE WHEN reopened_at IS NULL OR resolution.at > reopened_at THEN resolution.at END AS resolved_at,
         CASE WHEN reopened_at IS NULL OR closure.at > reopened_at THEN closure.at END AS closed_at,
         CASE WHEN NOT list_contains(list_transform(reports, lambda told: told IS NULL), true) THEN list_max(reports) END
           AS reported_at
  FROM told
), resolving AS (
  -- An approved extension replaces the deadline it was granted before, in order of approval; one granted afterwards
  -- cannot repair it. The customer's own date for a reply may only put the deadline off, not shorten it.
  SELECT *,
         list_reduce(list_prepend(
             {'at': received_at,
              'due': received_at + to_hours(CAST(param(policy, limits || '.acknowledge_hours') AS INTEGER))},
             list_sort(list_transform(list_filter(coalesce(extensions, []), lambda e: e.stage = 'acknowledge'),
                                      lambda e: {'at': e.at, 'due': end_of_day(e.new_due)}))),
           lambda held, next: CASE WHEN next.at <= held.due THEN next ELSE held END).due AS acknowledge_due,
         list_reduce(list_prepend(
             {'at': received_at,
              'due': end_of_day(greatest(
                 add_workdays(received_on, CAST(param(policy, limits || '.resolve_workdays') AS INTEGER)),
                 customer_reply_by))},
             list_sort(list_transform(list_filter(coalesce(extensions, []), lambda e: e.stage = 'resolve'),
                                      lambda e: {'at': e.at, 'due': end_of_day(e.new_due)}))),
           lambda held, next: CASE WHEN next.at <= held.due THEN next ELSE held END).due AS resolve_due
  FROM standing
), closing AS (
  SELECT *,
         list_reduce(list_prepend(
             {'at': received_at,
              'due': end_of_day(add_workdays(CAST(resolve_due AS DATE),
                                             CAST(param(policy, 'complaint.close_workdays') AS INTEGER)))},
             list_sort(list_transform(list_filter(coalesce(extensions, []), lambda e: e.stage = 'close'),
                                      lambda e: {'at': e.at, 'due': end_of_day(e.new_due)}))),
           lambda held, next: CASE WHEN next.at <= held.due THEN next ELSE held END).due AS close_due,
         CASE WHEN severity = 'major'
           THEN assessment.at + to_hours(CAST(param(policy, 'complaint.major_report_hours') AS INTEGER)) END
           AS report_due,
         CASE WHEN param_has(policy, 'complaint.special_meeting', severity)
           THEN end_of_day(add_workdays(CAST(assessment.at AS DATE),
                                        CAST(param(policy, 'complaint.special_meeting_workdays') AS INTEGER))) END
           AS meeting_due,
         end_of_day(add_workdays(received_on, CAST(param(policy, 'audit.late_registration_workdays') AS INTEGER)))
           AS registration_due
  FROM resolving
), special_meeting AS (
  -- A special meeting counts once its minutes exist (GSB:6.3.3).
  SELECT "trigger".ref AS id, min(held_from) AS met_at, arg_min(meeting.id, held_from) AS met_in
  FROM meeting
  WHERE void IS NULL AND minutes IS NOT NULL
    AND (kind = 'complaint_special' OR list_contains(also_satisfies, 'complaint_special'))
  GROUP BY 1
)
SELECT
  id, policy, customer, project, department, category, severity, channel, outcome, received_at, received_on,
  void, imported, repeat_of, reopened, registered_at, registration_due,
  acknowledged_at, date_diff('second', received_at, acknowledged_at) AS acknowledge_seconds, acknowledge_due,
  assessed_at,
  resolved_at, date_diff('second', received_at, resolved_at) AS resolve_seconds,
  workdays_between(received_on, CAST(resolved_at AS DATE)) AS resolve_workdays, resolve_due,
  -- Handled by the receiving department itself, without a plan (GSB:6.2.2).
  coalesce(handled_in_department, false) AND plan IS NULL AS fast_path,
  closed_at, close_due, ever_closed_at, reported_at, report_due, met_at, met_in, meeting_due,
  confirmation, satisfaction, satisfaction_at,
  closed_at IS NULL AS open,
  resolved_at IS NULL AND closed_at IS NULL AND resolve_due <= as_of() AS overdue,
  CASE WHEN workdays_between(received_on, as_of_date()) <= 5 THEN '0-5'
       WHEN workdays_between(received_on, as_of_date()) <= 10 THEN '6-10'
       WHEN workdays_between(received_on, as_of_date()) <= 30 THEN '11-30' ELSE '>30' END AS age,
  -- Why a complaint is not (yet) judged, one answer for each deadline.
  exclusion,
  CASE WHEN acknowledged_at IS NULL AND acknowledge_due > as_of() THEN coalesce(exclusion, 'not_due') ELSE exclusion END
    AS acknowledge_exclusion,
  CASE WHEN resolved_at IS NULL AND resolve_due > as_of() THEN coalesce(exclusion, 'not_due') ELSE exclusion END
    AS resolve_exclusion,
  CASE WHEN closed_at IS NULL AND close_due > as_of() THEN coalesce(exclusion, 'not_due') ELSE exclusion END
    AS close_exclusion,
  CASE WHEN report_due IS NULL THEN NULL
       WHEN reported_at IS NULL AND report_due > as_of() THEN coalesce(exclusion, 'not_due') ELSE exclusion END
    AS report_exclusion,
  CASE WHEN meeting_due IS NULL THEN NULL
       WHEN met_at IS NULL AND meeting_due > as_of() THEN coalesce(exclusion, 'not_due') ELSE exclusion END
    AS meeting_exclusion,
  NOT (is_known(received_on + 1) AND is_known(CAST(resolve_due AS DATE))) AS resolve_provisional,
  NOT (is_known(received_on + 1) AND is_known(CAST(close_due AS DATE))) AS close_provisional,
  NOT (is_known(CAST(assessed_at AS DATE) + 1) AND is_known(CAST(meeting_due AS DATE))) AS meeting_provisional,
  NOT (is_known(received_on + 1) AND is_known(CAST(registration_due AS DATE))) AS registration_provisional
FROM (
  SELECT c.* EXCLUDE (void), c.void IS NOT NULL AS void, c."import" IS NOT NULL AS imported,
         CASE WHEN c.void IS NOT NULL THEN 'void'
              WHEN c.form = 'verbal' AND param(c.policy, 'complaint.verbal_counts') = 'false' THEN 'verbal' END
           AS exclusion,
         coalesce(c.assessment.responsible_department, c.receiving_department) AS department,
         c.assessment.handled_in_department AS handled_in_department, c.assessment.at AS assessed_at,
         c.resolution.outcome AS outcome, c.acknowledgement.at AS acknowledged_at,
         coalesce(c.closed_at, c.closure.at, list_min(list_transform(c.reopenings, lambda r: r.at))) AS ever_closed_at,
         c.customer_confirmation.result AS confirmation, c.customer_confirmation.satisfaction AS satisfaction,
         c.customer_confirmation.at AS satisfaction_at, m.met_at, m.met_in
  FROM closing c LEFT JOIN special_meeting m USING (id)
)
