-- Meetings whose minutes the customer confirms: by their kind or by one they also serve as (R-MTG-01).
SELECT id FROM meeting
WHERE list_has_any(list_append(coalesce(also_satisfies, []), kind),
                   string_split(concat_ws(',', param(policy, 'meeting.confirmable'),
                                          param(policy, 'meeting.confirmable_practice')), ','))
