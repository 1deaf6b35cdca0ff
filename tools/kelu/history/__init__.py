"""History: what Git says happened to each record, and whether it was allowed to.

One walk of the commits (`walk`, kept by the store) gives every version of every record; `judge` holds each step from
one version to the next against the marks of the schema and the roles of the people who took it.
"""
