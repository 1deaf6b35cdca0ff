-- Every time at which a record says that something happened (a day counts from its first moment), and the field.
-- Deadlines, plans and contract terms are no such times: they may lie in the future.
SELECT id, entry.at AS at, entry.moment AS moment FROM (
  SELECT id, unnest(list_concat([
      {'at': 'occurred_at', 'moment': occurred_at},
      {'at': 'received_at', 'moment': received_at},
      {'at': 'acknowledgement.at', 'moment': acknowledgement.at},
      {'at': 'written_confirmation.at', 'moment': written_confirmation.at},
      {'at': 'customer_verification.at', 'moment': customer_verification.at},
      {'at': 'assessment.at', 'moment': assessment.at},
      {'at': 'investigation.at', 'moment': investigation.at},
      {'at': 'plan.approved_at', 'moment': plan.approved_at},
      {'at': 'resolution.at', 'moment': resolution.at},
      {'at': 'verification.at', 'moment': verification.at},
      {'at': 'result_report.at', 'moment': result_report.at},
      {'at': 'customer_confirmation.at', 'moment': customer_confirmation.at},
      {'at': 'closure.approved_at', 'moment': closure.approved_at},
      {'at': 'closure.at', 'moment': closure.at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(transfers, lambda x, i: {'at': 'transfers[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(escalations, lambda x, i: {'at': 'escalations[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(escalations, lambda x, i: {'at': 'escalations[' || (i - 1) || '].decision.at', 'moment': x.decision.at}),
    list_transform(plan.emergency, lambda x, i:
      {'at': 'plan.emergency[' || (i - 1) || '].done_on', 'moment': CAST(x.done_on AS TIMESTAMPTZ)}),
    list_transform(plan.long_term, lambda x, i:
      {'at': 'plan.long_term[' || (i - 1) || '].done_on', 'moment': CAST(x.done_on AS TIMESTAMPTZ)}),
    list_transform(plan.notified, lambda x, i: {'at': 'plan.notified[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(plan.revisions, lambda x, i: {'at': 'plan.revisions[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(customer_updates, lambda x, i: {'at': 'customer_updates[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(progress, lambda x, i: {'at': 'progress[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(extensions, lambda x, i: {'at': 'extensions[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(reopenings, lambda x, i: {'at': 'reopenings[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) AS entry FROM complaint
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'issued_on', 'moment': CASE WHEN status <> 'planned' THEN CAST(issued_on AS TIMESTAMPTZ) END},
      {'at': 'initial_analysis.at', 'moment': initial_analysis.at},
      {'at': 'analysis.at', 'moment': analysis.at},
      {'at': 'follow_up.customer_feedback.at', 'moment': follow_up.customer_feedback.at},
      {'at': 'closure.at', 'moment': closure.at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(reminders, lambda x, i: {'at': 'reminders[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(responses, lambda x, i: {'at': 'responses[' || (i - 1) || '].called_at', 'moment': x.called_at}),
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM survey
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'held_from', 'moment': CASE WHEN status NOT IN ('scheduled', 'cancelled') THEN held_from END},
      {'at': 'held_to', 'moment': CASE WHEN status NOT IN ('scheduled', 'cancelled') THEN held_to END},
      {'at': 'preparation.prepared_at', 'moment': preparation.prepared_at},
      {'at': 'preparation.notified_at', 'moment': preparation.notified_at},
      {'at': 'acceptance.signed_on', 'moment': CAST(acceptance.signed_on AS TIMESTAMPTZ)},
      {'at': 'minutes.at', 'moment': minutes.at},
      {'at': 'customer_confirmation.requested_at', 'moment': customer_confirmation.requested_at},
      {'at': 'customer_confirmation.at', 'moment': customer_confirmation.at},
      {'at': 'closure.at', 'moment': closure.at},
      {'at': 'cancellation.at', 'moment': cancellation.at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(action_items, lambda x, i:
      {'at': 'action_items[' || (i - 1) || '].done_on', 'moment': CAST(x.done_on AS TIMESTAMPTZ)}),
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM meeting
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'issued_at', 'moment': issued_at},
      {'at': 'receipt.at', 'moment': receipt.at},
      {'at': 'completion.at', 'moment': completion.at},
      {'at': 'verification.at', 'moment': verification.at},
      {'at': 'customer_report.at', 'moment': customer_report.at},
      {'at': 'internal_notice.at', 'moment': internal_notice.at},
      {'at': 'closure.at', 'moment': closure.at},
      {'at': 'cancellation.at', 'moment': cancellation.at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(progress, lambda x, i: {'at': 'progress[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(replan, lambda x, i: {'at': 'replan[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM action
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'at', 'moment': "at"},
      {'at': 'closed_at', 'moment': closed_at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(reported_to, lambda x, i: {'at': 'reported_to[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM communication
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'as_of', 'moment': as_of},
      {'at': 'prepared_at', 'moment': prepared_at},
      {'at': 'approved_at', 'moment': approved_at},
      {'at': 'issued_at', 'moment': issued_at},
      {'at': 'customer_confirmation.requested_at', 'moment': customer_confirmation.requested_at},
      {'at': 'customer_confirmation.at', 'moment': customer_confirmation.at},
      {'at': 'management_review.included_at', 'moment': management_review.included_at},
      {'at': 'closure.at', 'moment': closure.at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(distribution, lambda x, i: {'at': 'distribution[' || (i - 1) || '].at', 'moment': x.at}),
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM report
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'reported_at', 'moment': reported_at},
      {'at': 'closed_at', 'moment': closed_at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM incident
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'signed_on', 'moment': CAST(signed_on AS TIMESTAMPTZ)},
      {'at': 'sla.reviewed_on', 'moment': CAST(sla.reviewed_on AS TIMESTAMPTZ)},
      {'at': 'acceptance.accepted_on', 'moment': CAST(acceptance.accepted_on AS TIMESTAMPTZ)},
      {'at': 'maintenance_manual.issued_on', 'moment': CAST(maintenance_manual.issued_on AS TIMESTAMPTZ)},
      {'at': 'termination.at', 'moment': termination.at},
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM project
  UNION ALL
  SELECT id, unnest(list_concat([
      {'at': 'registered_at', 'moment': registered_at},
      {'at': 'void.at', 'moment': void.at}],
    list_transform(corrections, lambda x, i: {'at': 'corrections[' || (i - 1) || '].at', 'moment': x.at})
  )) FROM customer)
WHERE entry.moment IS NOT NULL
