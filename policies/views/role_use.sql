-- Where a record names a person in a role (X-13): the field, the person, any of which roles, and the days on one of
-- which the role must have been held; and whether the record was imported. An executive may approve for a manager.
SELECT id, use.at AS at, use.person AS person, use.roles AS roles, use.first_day AS first_day,
       coalesce(use.last_day, use.first_day) AS last_day, imported
FROM (
  SELECT id, import IS NOT NULL AS imported, unnest(list_concat([
      {'at': 'assessment.by', 'person': assessment.by, 'first_day': CAST(assessment.at AS DATE), 'last_day': NULL::DATE,
       'roles': CASE WHEN assessment.handled_in_department
                THEN ['complaint_handler', 'qa_admin', 'qa_manager', 'service_desk', 'engineer', 'dept_owner', 'pm']
                ELSE ['complaint_handler', 'qa_admin', 'qa_manager'] END},
      {'at': 'plan.approved_by', 'person': plan.approved_by, 'first_day': CAST(plan.approved_at AS DATE), 'last_day': NULL,
       'roles': CASE WHEN assessment.severity = 'major' THEN ['exec'] ELSE ['qa_manager', 'exec'] END},
      {'at': 'verification.by', 'person': verification.by, 'first_day': CAST(verification.at AS DATE), 'last_day': NULL,
       'roles': ['complaint_handler', 'qa_admin', 'qa_manager']},
      {'at': 'closure.by', 'person': closure.by, 'first_day': CAST(closure.at AS DATE), 'last_day': NULL,
       'roles': ['complaint_handler', 'qa_admin', 'qa_manager']},
      {'at': 'closure.approved_by', 'person': closure.approved_by, 'last_day': NULL,
       'first_day': CAST(coalesce(closure.approved_at, closure.at) AS DATE), 'roles': ['qa_manager', 'exec']}],
    list_transform(escalations, lambda x, i: {'at': 'escalations[' || (i - 1) || '].to', 'person': x."to",
      'first_day': CAST(x.at AS DATE), 'last_day': NULL::DATE, 'roles': [x.to_role]}),
    list_transform(plan.revisions, lambda x, i: {'at': 'plan.revisions[' || (i - 1) || '].approved_by',
      'person': x.approved_by, 'first_day': CAST(x.at AS DATE), 'last_day': NULL::DATE, 'roles': ['qa_manager', 'exec']}),
    list_transform(extensions, lambda x, i: {'at': 'extensions[' || (i - 1) || '].approved_by',
      'person': x.approved_by, 'first_day': CAST(x.at AS DATE), 'last_day': NULL::DATE,
      'roles': ['qa_manager', 'mgmt_rep', 'exec']}),
    list_transform(reopenings, lambda x, i: {'at': 'reopenings[' || (i - 1) || '].approved_by',
      'person': x.approved_by, 'first_day': CAST(x.at AS DATE), 'last_day': NULL::DATE, 'roles': ['qa_manager', 'exec']})
  )) AS use
  FROM complaint WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, unnest(list_concat([
      {'at': 'conducted_by', 'person': conducted_by, 'last_day': NULL::DATE,
       'first_day': coalesce(issued_on, CAST(registered_at AS DATE)), 'roles': executors},
      {'at': 'initial_analysis.by', 'person': initial_analysis.by, 'first_day': CAST(initial_analysis.at AS DATE),
       'last_day': NULL, 'roles': executors},
      {'at': 'analysis.by', 'person': analysis.by, 'first_day': CAST(analysis.at AS DATE), 'last_day': NULL,
       'roles': analysts},
      {'at': 'closure.by', 'person': closure.by, 'first_day': CAST(closure.at AS DATE), 'last_day': NULL,
       'roles': analysts}],
    list_transform(list_filter(corrections, lambda x: x.field = 'attributed_year'), lambda x: {
      'at': 'attributed_year', 'person': x.approved_by, 'first_day': CAST(x.at AS DATE), 'last_day': NULL::DATE,
      'roles': ['qa_manager', 'exec']})))
  FROM (SELECT *, [param(policy, 'survey.executor'), param(policy, 'survey.analyst')] AS executors,
               [param(policy, 'survey.analyst'), 'qa_manager'] AS analysts
        FROM survey WHERE void IS NULL)
  UNION ALL
  SELECT id, import IS NOT NULL, unnest([
      {'at': 'convened_by', 'person': convened_by, 'first_day': CAST(held_from AS DATE), 'last_day': NULL::DATE,
       'roles': CASE WHEN param_has(policy, 'meeting.confirmable', kind) THEN [param(policy, 'meeting.convenor')]
                     WHEN kind IN ('complaint_special', 'satisfaction_improvement') THEN ['qa_admin', 'complaint_handler', 'qa_manager']
                     WHEN kind = 'exec_briefing' THEN ['exec', 'sales'] END}])
  FROM meeting WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, unnest([
      {'at': 'verification.by', 'person': verification.by, 'first_day': CAST(verification.at AS DATE), 'last_day': NULL::DATE,
       'roles': ['qa_admin', 'complaint_handler', 'sales', 'pm', 'qa_manager']},
      {'at': 'cancellation.approved_by', 'person': cancellation.approved_by, 'first_day': CAST(cancellation.at AS DATE),
       'last_day': NULL, 'roles': ['qa_manager', 'exec']}])
  FROM action WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, unnest([
      {'at': 'key_customer.designated_by', 'person': key_customer.designated_by, 'first_day': key_customer.since,
       'last_day': NULL::DATE, 'roles': ['exec', 'qa_manager']}])
  FROM customer WHERE void IS NULL
  UNION ALL
  SELECT id, import IS NOT NULL, unnest([
      {'at': 'pm', 'person': pm, 'first_day': least(signed_on, service_from), 'last_day': service_to, 'roles': ['pm']},
      {'at': 'termination.approved_by', 'person': termination.approved_by, 'first_day': CAST(termination.at AS DATE),
       'last_day': NULL, 'roles': ['dept_owner', 'exec']}])
  FROM project WHERE void IS NULL
  UNION ALL
  SELECT id, imported, {'at': CASE WHEN void.approved_by IS NULL THEN 'void.by' ELSE 'void.approved_by' END,
      'person': coalesce(void.approved_by, void.by), 'first_day': CAST(void.at AS DATE), 'last_day': NULL::DATE,
      'roles': CASE WHEN type = 'incident' THEN ['service_desk', 'qa_manager'] ELSE ['qa_manager'] END}
  FROM (
    SELECT id, 'complaint' AS type, void, import IS NOT NULL AS imported FROM complaint
    UNION ALL SELECT id, 'survey', void, import IS NOT NULL FROM survey
    UNION ALL SELECT id, 'meeting', void, import IS NOT NULL FROM meeting
    UNION ALL SELECT id, 'action', void, import IS NOT NULL FROM action
    UNION ALL SELECT id, 'customer', void, import IS NOT NULL FROM customer
    UNION ALL SELECT id, 'project', void, import IS NOT NULL FROM project
    UNION ALL SELECT id, 'incident', void, import IS NOT NULL FROM incident)
  WHERE void IS NOT NULL)
WHERE use.person IS NOT NULL AND use.roles IS NOT NULL
