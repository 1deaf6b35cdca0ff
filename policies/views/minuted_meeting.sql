-- One row a meeting that was held and minuted, and each kind it serves as: its own and those of `also_satisfies`
-- (obligations.md §2.1). Meetings planned, cancelled or void show nothing.
SELECT m.id, k.kind, m.policy, m.customer, m.projects, m.held_from, m.held_to, CAST(m.held_from AS DATE) AS held_on,
       m.minutes.at AS minutes_at, m.purpose, m."trigger", m.training, m.contract_change, m.corrections
FROM meeting m, (SELECT unnest(list_distinct(list_prepend(m.kind, coalesce(m.also_satisfies, [])))) AS kind) k
WHERE m.void IS NULL AND m.cancellation IS NULL AND m.minutes IS NOT NULL
