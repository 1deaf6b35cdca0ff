-- One row a closed incident: when its call-back is due and when it was called (OB-06, 08-03:4.1(3)). The pack that rules
-- satisfaction for its customer on the day of closing decides; where that pack knows no call-backs nothing is due.
WITH calls AS (
  SELECT incident AS id, called_at, outcome FROM survey_sheet
  WHERE kind = 'incident_callback' AND NOT void AND called_at IS NOT NULL
), ruled AS (
  SELECT i.id, i.customer, i.project, p.department, i.category, i.closed_at, CAST(i.closed_at AS DATE) AS closed_on,
         i.void IS NOT NULL AS void, i.status = 'reopened' AS reopened, coalesce(p.scope.callbacks, true) AS in_scope,
         governing_pack('satisfaction', i.customer, i.project, CAST(i.closed_at AS DATE)) AS policy
  FROM incident i LEFT JOIN project p ON p.id = i.project
), due AS (
  SELECT *,
         param(policy, 'survey.cadence.incident') IS NOT NULL AS promised,
         monday_after(closed_on) AS due_on,
         add_workdays(monday_after(closed_on), CAST(param(policy, 'survey.callback.grace_workdays') AS INTEGER))
           AS last_on
  FROM ruled
)
SELECT d.*,
       count(c.called_at) > 0 AS called,
       -- In time: on the due day, or within the grace the pack allows.
       count(*) FILTER (CAST(c.called_at AS DATE) BETWEEN d.due_on AND d.last_on) > 0 AS called_when_due,
       count(*) FILTER (c.outcome = 'reached') > 0 AS reached,
       CASE WHEN d.void THEN 'void'
            WHEN d.reopened THEN 'reopened'
            WHEN NOT d.promised OR NOT d.in_scope THEN 'out_of_scope'
            WHEN waived('OB-06', d.id, strftime(d.closed_on, '%G-W%V')) THEN 'waived' END AS exclusion,
       NOT (is_known(d.closed_on + 1) AND is_known(d.last_on)) AS provisional
FROM due d LEFT JOIN calls c ON c.id = d.id
GROUP BY ALL
