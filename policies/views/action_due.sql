-- One row an action: its deadline after any re-planning, when it was completed, and whether its first verification
-- found it effective (ACT-01, ACT-02; GSB:6.4.2, 6.5.3, 6.6.2, CSP:7). A completion that a re-planning followed no
-- longer stands.
SELECT *,
       completed_at <= end_of_day(due_on) AS in_time,
       CASE WHEN void THEN 'void' WHEN cancelled THEN 'cancelled'
            WHEN completed_at IS NULL AND end_of_day(due_on) > as_of() THEN 'not_due' END AS exclusion
FROM (
  SELECT id, policy, kind, customer, project, department, void IS NOT NULL AS void,
         cancellation IS NOT NULL AS cancelled,
         coalesce(list_last(replan).new_due, due) AS due_on,
         CASE WHEN len(coalesce(replan, [])) = 0 OR completion.at > list_last(replan).at THEN completion.at END
           AS completed_at,
         -- A record holds only its last verification; an ineffective one always leaves a re-planning behind.
         least(list_min(list_transform(replan, lambda r: r.at)), verification.at) AS first_verified_at,
         len(coalesce(replan, [])) = 0 AND verification.effective AS first_effective
  FROM action
)
