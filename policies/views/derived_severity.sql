-- The severity that follows from the criteria of the assessment, by the lists of the record's own pack (GSB:3).
SELECT id,
       CASE WHEN list_has_any(met, string_split(param(policy, 'complaint.criteria.major'), ',')) THEN 'major'
            WHEN list_has_any(met, string_split(param(policy, 'complaint.criteria.serious'), ',')) THEN 'serious'
            ELSE 'minor' END AS severity
FROM (
  SELECT id, policy, list_filter([
      CASE WHEN assessment.criteria.media THEN 'media' END,
      CASE WHEN assessment.criteria.reputation THEN 'reputation' END,
      CASE WHEN assessment.criteria.injury THEN 'injury' END,
      CASE WHEN assessment.criteria.beyond_department THEN 'beyond_department' END], lambda c: c IS NOT NULL) AS met
  FROM complaint WHERE assessment.criteria IS NOT NULL)
WHERE param(policy, 'complaint.criteria.major') IS NOT NULL
