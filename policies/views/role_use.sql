-- Where a record names a person in a role (X-13): the field, the person, any of which roles, and the days on one of
-- which the role must have been held; and whether the record was imported. Where a manager approves, an executive may.
SELECT id, use.at AS at, use.person AS person, use.roles AS roles, use.day AS first_day, use.day AS last_day, imported
FROM (
  SELECT id, import IS NOT NULL AS imported, unnest(list_concat([
      {'at': 'assessment.by', 'person': assessment.by, 'day': CAST(assessment.at AS DATE),
       'roles': CASE WHEN assessment.handled_in_department
                THEN ['complaint_handler', 'qa_admin', 'service_desk', 'engineer', 'dept_owner']
                ELSE ['complaint_handler', 'qa_admin'] END},
      {'at': 'plan.approved_by', 'person': plan.approved_by, 'day': CAST(plan.approved_at AS DATE),
       'roles': CASE WHEN assessment.severity = 'major' THEN ['exec'] ELSE ['qa_manager', 'exec'] END},
      {'at': 'verification.by', 'person': verification.by, 'day': CAST(verification.at AS DATE),
       'roles': ['complaint_handler', 'qa_admin']},
      {'at': 'closure.by', 'person': closure.by, 'day': CAST(closure.at AS DATE),
       'roles': ['complaint_handler', 'qa_admin']},
      {'at': 'closure.approved_by', 'person': closure.approved_by,
       'day': CAST(coalesce(closure.approved_at, closure.at) AS DATE), 'roles': ['qa_manager', 'exec']}],
    list_transform(escalations, lambda x, i: {'at': 'escalations[' || (i - 1) || '].to', 'person': x."to",
      'day': CAST(x.at AS DATE), 'roles': [x.to_role]}),
    list_transform(plan.revisions, lambda x, i: {'at': 'plan.revisions[' || (i - 1) || '].approved_by',
      'person': x.approved_by, 'day': CAST(x.at AS DATE), 'roles': ['qa_manager', 'exec']}),
    list_transform(extensions, lambda x, i: {'at': 'extensions[' || (i - 1) || '].approved_by',
      'person': x.approved_by, 'day': CAST(x.at AS DATE), 'roles': ['qa_manager', 'mgmt_rep', 'exec']}),
    list_transform(reopenings, lambda x, i: {'at': 'reopenings[' || (i - 1) || '].approved_by',
      'person': x.approved_by, 'day': CAST(x.at AS DATE), 'roles': ['qa_manager', 'exec']})
  )) AS use
  FROM complaint WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, unnest(list_concat([
      {'at': 'conducted_by', 'person': conducted_by, 'day': coalesce(issued_on, CAST(registered_at AS DATE)),
       'roles': [param(policy, 'survey.executor'), param(policy, 'survey.analyst')]},
      {'at': 'initial_analysis.by', 'person': initial_analysis.by, 'day': CAST(initial_analysis.at AS DATE),
       'roles': [param(policy, 'survey.executor'), param(policy, 'survey.analyst')]},
      {'at': 'analysis.by', 'person': analysis.by, 'day': CAST(analysis.at AS DATE),
       'roles': [param(policy, 'survey.analyst')]},
      {'at': 'closure.by', 'person': closure.by, 'day': CAST(closure.at AS DATE),
       'roles': [param(policy, 'survey.analyst')]}],
    list_transform(list_filter(corrections, lambda x: x.field = 'attributed_year'), lambda x: {'at': 'attributed_year',
      'person': x.approved_by, 'day': CAST(x.at AS DATE), 'roles': ['qa_manager', 'exec']})))
  FROM survey WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, {'at': 'convened_by', 'person': convened_by, 'day': CAST(held_from AS DATE),
       'roles': CASE WHEN list_has_any(list_append(coalesce(also_satisfies, []), kind),
                                       string_split(param(policy, 'meeting.confirmable'), ','))
                     THEN [param(policy, 'meeting.convenor')]
                     WHEN kind IN ('complaint_special', 'satisfaction_improvement') THEN ['qa_admin', 'complaint_handler']
                     WHEN kind = 'exec_briefing' THEN ['exec', 'sales'] END}
  FROM meeting WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, unnest([
      {'at': 'issued_by', 'person': issued_by, 'day': CAST(issued_at AS DATE),
       'roles': ['qa_admin', 'complaint_handler', 'pm', 'sales', 'service_desk']},
      {'at': 'verification.by', 'person': verification.by, 'day': CAST(verification.at AS DATE),
       'roles': ['qa_admin', 'complaint_handler', 'sales', 'pm']},
      {'at': 'cancellation.approved_by', 'person': cancellation.approved_by, 'day': CAST(cancellation.at AS DATE),
       'roles': ['qa_manager', 'exec']}])
  FROM action WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, unnest([
      {'at': 'prepared_by', 'person': prepared_by, 'day': CAST(prepared_at AS DATE),
       'roles': CASE kind WHEN 'service_report' THEN ['pm']
                WHEN 'satisfaction_analysis' THEN [param(policy, 'survey.analyst')]
                WHEN 'complaint_annual' THEN ['qa_admin', 'complaint_handler']
                ELSE ['qa_manager', 'process_owner'] END},
      {'at': 'approved_by', 'person': approved_by, 'day': CAST(approved_at AS DATE),
       'roles': CASE kind WHEN 'service_report' THEN ['dept_owner', 'qa_manager', 'exec']
                WHEN 'satisfaction_analysis' THEN [param(policy, 'survey.report.approver'), 'exec']
                WHEN 'complaint_annual' THEN ['qa_manager', 'exec']
                ELSE ['qa_manager', 'process_owner', 'mgmt_rep', 'exec'] END}])
  FROM report WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, {'at': 'key_customer.designated_by', 'person': key_customer.designated_by,
       'day': key_customer.since, 'roles': ['exec', 'qa_manager']}
  FROM customer WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, {'at': 'termination.approved_by', 'person': termination.approved_by,
       'day': CAST(termination.at AS DATE), 'roles': ['dept_owner']}
  FROM project WHERE void IS NULL
  UNION ALL
  SELECT id, imported, {'at': CASE WHEN void.approved_by IS NULL THEN 'void.by' ELSE 'void.approved_by' END,
      'person': coalesce(void.approved_by, void.by), 'day': CAST(void.at AS DATE), 'roles': roles}
  FROM (
    SELECT id, void, import IS NOT NULL AS imported, ['qa_manager'] AS roles FROM complaint
    UNION ALL SELECT id, void, import IS NOT NULL, ['qa_manager'] FROM survey
    UNION ALL SELECT id, void, import IS NOT NULL, ['qa_manager'] FROM meeting
    UNION ALL SELECT id, void, import IS NOT NULL, ['qa_manager'] FROM action
    UNION ALL SELECT id, void, import IS NOT NULL,
        CASE WHEN NOT list_contains(staff, coalesce(void.approved_by, void.by)) THEN ['qa_manager', 'pm', 'sales'] END
      FROM communication
    UNION ALL SELECT id, void, import IS NOT NULL, ['qa_manager'] FROM report
    UNION ALL SELECT id, void, import IS NOT NULL, ['qa_manager'] FROM customer
    UNION ALL SELECT id, void, import IS NOT NULL, ['qa_manager'] FROM project
    UNION ALL SELECT id, void, import IS NOT NULL, ['qa_manager', 'service_desk'] FROM incident))
WHERE use.roles IS NOT NULL
UNION ALL
SELECT id, 'pm', pm, ['pm'], least(signed_on, service_from), service_to, import IS NOT NULL FROM project WHERE void IS NULL
