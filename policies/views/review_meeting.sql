-- One row a management review that was held, with the satisfaction analyses that went into it (OB-45; CSP:13).
SELECT m.id, CAST(m.held_from AS DATE) AS held_on, r.id AS report, r.management_review.included_at AS included_at
FROM meeting m
LEFT JOIN report r ON r.management_review.meeting = m.id AND r.kind = 'satisfaction_analysis' AND r.void IS NULL
                   AND r.status <> 'draft' AND r.approved_at IS NOT NULL
WHERE m.void IS NULL AND m.cancellation IS NULL AND m.status NOT IN ('scheduled', 'cancelled')
  AND list_has_any(list_prepend(m.kind, coalesce(m.also_satisfies, [])), ['management_review'])
