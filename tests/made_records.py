"""Made records: the rows of a case, which name only what matters, → complete records that `check` accepts.

One function a record type. `records` makes all that a case names, with the customers and projects they speak of;
under `records` a case may also state whole records.
"""

from __future__ import annotations

import copy
import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

ZONE = "+08:00"
Record = dict[str, Any]


class Loader(yaml.CSafeLoader):
    """Dates stay text; only true and false are booleans."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, how) for tag, how in found if tag.rpartition(":")[2] not in ("timestamp", "bool")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(?:true|false)$"), list("tf"))


def time(text: str, minutes: int = 0) -> str:
    """`2026-01-08 10:00` (Asia/Shanghai), some minutes later, as records write it."""
    moment = datetime.datetime.fromisoformat(text.removesuffix(ZONE).replace("T", " "))
    return (moment + datetime.timedelta(minutes=minutes)).isoformat() + ZONE


# --- one of each type --------------------------------------------------------------------------------------


def customer(number: int, **own: Any) -> Record:
    return {
        "schema": "customer/v1", "id": f"CUS-{number:04d}", "name": f"虚构客户{number}", "short_name": f"客户{number}",
        "relation": "end_user", "tier": "company", "status": "active", "account_manager": "S008",
        "contacts": [{"id": "C01", "name": "刘晓枫", "position": "处长", "key_person": True, "executive": True,
                      "phone": "138-0000-0001", "active": True}],
        "registered_by": "S008", "registered_at": "2024-01-05T10:00:00+08:00", **own,
    }  # fmt: skip


def project(number: int, **own: Any) -> Record:
    return {
        "schema": "project/v1", "id": f"PRJ-{own.get('service_from', '2026')[:4]}-{number:03d}",
        "name": f"虚构项目{number}",
        "customer": f"CUS-{number:04d}", "contract_no": f"HT-{number}", "status": "active",
        "signed_on": "2025-12-20", "service_from": "2026-01-01", "service_to": "2026-12-31", "department": "信息部",
        "pm": "S004",
        "sla": {"ref": "SLA V1.0", "reviewed_on": "2025-12-18", "report_cycle": "none", "note": "另行约定"},
        "registered_by": "S008", "registered_at": "2025-12-20T17:20:00+08:00", **own,
    }  # fmt: skip


def accepted(number: int, day: str) -> tuple[dict[str, Any], Record]:
    """What acceptance adds to a project, and the acceptance meeting (X-05)."""
    held = meeting(
        900 + number, "acceptance", f"{day} 10:00", customer=f"CUS-{number:04d}", projects=[f"PRJ-2026-{number:03d}"],
        minutes=time(f"{day} 12:00"), result="confirmed",
    )  # fmt: skip
    told = {"sla_summary": "达成", "incident_summary": "无", "complaint_summary": "无"}
    held["acceptance"] = {"result": "accepted", "signed_on": day, **told}
    return {
        "status": "accepted",
        "acceptance": {"planned_on": day, "accepted_on": day, "meeting": held["id"], "result": "accepted"},
    }, held


def complaint(row: Mapping[str, Any]) -> Iterator[Record]:
    """A complaint and, where its severity needs one, the special meeting. Times are `YYYY-MM-DD HH:MM`."""
    received = time(row["received"])
    severity, resolved = row.get("severity"), row.get("resolved")
    acknowledged, closed = row.get("acknowledged"), row.get("closed")
    name = f"CMP-{received[:4]}-{row['n']:04d}"
    grave = severity in ("major", "serious")
    record: Record = {
        "schema": "complaint/v1", "id": name, "title": "虚构投诉", "status": "registered", "policy": "gsb-141.03@A0",
        "received_at": received, "received_by": "S001", "receiving_department": "质量管理部", "channel": "hotline",
        "form": "verbal", "customer": "CUS-0001", "complainant": {"contact": "CUS-0001/C01"}, "category": "other",
        "description": "虚构的投诉经过，用于核对指标。", "demands": "未提出",
        "registered_by": "S001", "registered_at": received,
    }  # fmt: skip
    if acknowledged:
        record |= {
            "status": "acknowledged",
            "acknowledgement": {"at": time(acknowledged), "by": "S001", "method": "phone"},
        }
    if severity:
        at = time(row.get("assessed", acknowledged or row["received"]), 0 if "assessed" in row else 5)
        criteria = {
            "media": severity == "major",
            "reputation": False,
            "injury": False,
            "beyond_department": severity == "serious",
        }
        record["status"] = "assessed"
        record["assessment"] = {
            "at": at, "by": "S005", "severity": severity, "criteria": criteria, "owner": "S006",
            "responsible_department": "质量管理部", "opinion": "按级别处置", "due": (resolved or row["received"])[:10],
        }  # fmt: skip
        if grave:
            record |= {"status": "handling", **_plan(name, at, severity, row)}
            if row.get("meeting", "held"):
                begins = row.get("meeting", time(at, 60))[:16].replace("T", " ")
                held = meeting(row["n"], "complaint_special", begins, policy="gsb-141.03@A0",
                               trigger={"type": "complaint", "ref": name})  # fmt: skip
                record["meetings"] = [held["id"]]
                yield held
    if resolved:
        record |= {
            "status": "resolved",
            "investigation": _cause(record["assessment"]["at"]),
            "resolution": {"at": time(resolved), "by": "S006", "department": "信息部",
                           "outcome": row.get("outcome", "withdrawn"), "result": "经核实已经处置完成，客户撤回。"},
        }  # fmt: skip
    if closed:
        record["status"] = "closed"
        record["verification"] = {"at": time(resolved), "by": "S005", "methods": ["phone"], "effective": True}
        record["result_report"] = {"at": time(resolved), "by": "S005", "method": "phone", "contact": "CUS-0001/C01"}
        record["closure"] = {"at": time(closed), "by": "S005", "approved_by": "S003", "approved_at": time(closed)}
    record |= copy.deepcopy(row.get("also", {}))
    for key, value in row.get("merge", {}).items():
        record[key] |= value
    yield record


def _cause(at: str) -> Record:
    return {"at": at, "by": "S009", "root_cause": "虚构的原因", "root_cause_category": "process"}


def _plan(name: str, at: str, severity: str, row: Mapping[str, Any]) -> Record:
    """The plan, the update to the customer and the reports that a grave complaint needs."""
    told = time(row["exec_told"]) if "exec_told" in row else time(at, 7)
    reports = [
        {"at": time(at, 5), "by": "S005", "to_role": "qa_manager", "to": "S003"},
        {"at": told, "by": "S005", "to_role": "exec", "to": "S007", "decision": {"at": told, "emergency_plan": False}},
    ]
    measure = {"desc": "先行处置", "department": "信息部", "owner": "S009", "due": at[:10], "done_on": at[:10]}
    return {
        "plan": {
            "emergency": [measure],
            "approved_by": "S007", "approved_at": at, "notified": [{"department": "信息部", "at": at}],
        },
        "investigation": _cause(at),
        "customer_updates": [{"at": at, "by": "S005", "method": "phone", "summary": "通报进展"}],
        **({"escalations": reports + row.get("reports", [])} if severity == "major" else {}),
    }  # fmt: skip


def survey(row: Mapping[str, Any]) -> Record:
    """A survey. `sheets` are [returned_on, scores in template order, more]; scores as one text of grades."""
    kind = row["kind"]
    pack, template = row.get("policy", "tfdl-08-03@V1.2"), row.get("template", "tfdl-company/v1")
    items = row.get("items", ["quality", "competence", "discipline", "security"])
    day, of = row["issued"], row.get("customer", 1)
    template = "tfdl-project/v1" if kind == "project" and "template" not in row else template
    record: Record = {
        "schema": "survey/v1", "id": f"SUR-{day[:4]}-{row['n']:04d}", "title": "虚构调查", "kind": kind,
        "status": "issued",
        "policy": pack, "template": template, "campaign": f"{day[:4]}-{kind}", "customer": f"CUS-{of:04d}",
        "method": "email", "conducted_by": row.get("by", "S001"), "department": "综合管理部",
        "issued_on": day, "due_on": day, "issued_count": row.get("count", len(row.get("sheets", [1]))),
        "registered_by": "S001", "registered_at": time(f"{day} 09:00"),
    }  # fmt: skip
    sheets = []
    for no, (returned, grades, *more) in enumerate(row.get("sheets", ()), 1):
        scores = {item: int(g) if g.isdigit() else g for item, g in zip(items, grades.split(), strict=False)}
        reasons = dict.fromkeys(scores, "虚构的原因")
        sheets.append({"no": no, "respondent": f"CUS-{of:04d}/C01", "returned_on": returned, "valid": True,
                       "scores": scores, "reasons": reasons, **(more[0] if more else {})})  # fmt: skip
    if sheets:
        record |= {"status": "returned", "responses": sheets}
    return record | copy.deepcopy(row.get("also", {}))


def callbacks(row: Mapping[str, Any]) -> Record:
    """A week's call-back sheet. `calls` are [incident, called at, outcome, grade]."""
    responses: list[Record] = []
    for no, (incident, called, outcome, *grade) in enumerate(row["calls"], 1):
        got: Record = {"no": no, "incident": f"INC-2026-{incident:05d}", "outcome": outcome, "attempts": 1}
        if called:
            got["called_at"] = time(called)
        if grade:
            got |= {"returned_on": called[:10], "valid": True, "respondent": f"CUS-{row.get('customer', 1):04d}/C01",
                    "scores": {"overall": grade[0]}, "reasons": {"overall": "虚构的原因"}}  # fmt: skip
        else:
            got |= {"valid": False, "invalid_reason": "no_answer"}
        responses.append(got)
    day = row["issued"]
    return {
        "schema": "survey/v1", "id": f"SUR-2026-{row['n']:04d}", "title": "虚构回访", "kind": "incident_callback",
        "status": "returned", "policy": "tfdl-08-03@V1.2", "template": "tfdl-callback/v1", "campaign": "2026-callback",
        "week": row["week"], "selection": "all", "method": "phone", "conducted_by": "S001", "department": "服务台",
        "issued_on": day, "issued_count": len(responses), "responses": responses,
        "registered_by": "S001", "registered_at": time(f"{day} 09:00"), **row.get("also", {}),
    }  # fmt: skip


def incident(row: Mapping[str, Any]) -> Record:
    closed, of = time(row["closed"]), row.get("project", 1)
    return {
        "schema": "incident/v1", "id": f"INC-{closed[:4]}-{row['n']:05d}", "external_ref": f"T-{row['n']}",
        "project": f"PRJ-2026-{of:03d}", "customer": f"CUS-{of:04d}", "summary": "虚构事件", "category": "network",
        "priority": "P3", "major": False, "reported_at": time(row["closed"], -30), "closed_at": closed,
        "handled_by": "S009", "status": "closed", "registered_by": "S001", "registered_at": closed,
        **row.get("also", {}),
    }  # fmt: skip


def meeting(number: int, kind: str, held: str, **own: Any) -> Record:
    """A meeting of one hour; `minutes` a time or none, `result` of the customer's confirmation."""
    for_customer = kind not in ("complaint_special", "satisfaction_improvement", "process_review", "other")
    minutes, result = (
        own.pop("minutes", None) or (None if own.pop("unminuted", False) else time(held, 90)),
        own.pop("result", None),
    )
    record: Record = {
        "schema": "meeting/v1", "id": f"MTG-{held[:4]}-{number:04d}", "title": "虚构会议", "kind": kind,
        "status": "minuted" if minutes else "held", "policy": "tfdl-08-04@V1.2", "mode": "online",
        "held_from": time(held), "held_to": time(held, 60), "convened_by": "S004" if for_customer else "S005",
        "recorder": "S009", "internal_attendees": ["S004", "S005"], "topics": [{"title": "议题", "conclusion": "结论"}],
        "registered_by": "S004", "registered_at": time(held),
    }  # fmt: skip
    if for_customer:
        record |= {
            "customer": "CUS-0001", "projects": ["PRJ-2026-001"], "customer_attendees": ["CUS-0001/C01"],
            "preparation": {"prepared_by": "S004", "prepared_at": time(held, -60), "agenda": ["议题"]},
        }  # fmt: skip
        if own.get("customer", "CUS-0001") != "CUS-0001":
            record["customer_attendees"] = [f"{own['customer']}/C01"]
    if minutes:
        record["minutes"] = {"at": time(minutes), "by": "S009"}
    if result:
        answered = time(own.pop("answered", time(minutes, 60)))
        record["customer_confirmation"] = {
            "requested_at": time(minutes), "contact": f"{own.get('customer', 'CUS-0001')}/C01", "at": answered,
            "method": "email", "result": result,
        }  # fmt: skip
        if result in ("confirmed", "confirmed_with_comments"):
            record["status"] = "confirmed"
    also = own.pop("also", {})
    return record | own | copy.deepcopy(also)


def action(row: Mapping[str, Any]) -> Record:
    record: Record = {
        "schema": "action/v1", "id": f"ACT-2026-{row['n']:04d}", "title": "虚构措施", "kind": "improvement",
        "status": "open", "policy": "gsb-141.03@A0", "source": row.get("source", "INC-2026-00001"),
        "description": "虚构的措施，用于核对指标。", "department": "信息部", "owner": "S006", "issued_by": "S005",
        "issued_at": time(row["issued"]), "due": row["due"], "registered_by": "S005",
        "registered_at": time(row["issued"]),
    }  # fmt: skip
    if row.get("completed"):
        record |= {"status": "done", "completion": {"at": time(row["completed"]), "by": "S006", "result": "完成"}}
    if row.get("verified"):
        effective = row.get("effective", True)
        record["verification"] = {"at": time(row["verified"]), "by": "S005", "effective": effective, "method": "复核"}
        record["status"] = "verified" if effective else "open"
    return record | copy.deepcopy(row.get("also", {}))


def communication(row: Mapping[str, Any]) -> Record:
    """A communication with a customer at `at`; closed, unless it is to be followed up and was not."""
    of, at = row.get("customer", 1), time(row["at"])
    record: Record = {
        "schema": "communication/v1", "id": f"COM-{at[:4]}-{row['n']:04d}", "title": "虚构沟通", "status": "closed",
        "policy": row.get("policy", "tfdl-08-04@V1.2"), "channel": "phone", "purpose": row.get("purpose", "other"),
        "direction": "outbound", "importance": "routine", "at": at, "staff": ["S008"], "customer": f"CUS-{of:04d}",
        "contacts": [f"CUS-{of:04d}/C01"], "summary": "虚构的沟通经过，用于核对。", "dissatisfaction": False,
        "follow_up_required": False, "closed_at": time(row.get("closed") or row["at"]),
        "registered_by": "S008", "registered_at": at,
    }  # fmt: skip
    if "closed" in row and not row["closed"]:
        record |= {"status": "open", "follow_up_required": True}
        del record["closed_at"]
    return record | copy.deepcopy(row.get("also", {}))


def report(row: Mapping[str, Any]) -> Record:
    """A report on `period` ([first, last]), prepared, approved and issued as the row says, in that order.

    `confirmed` is when the customer answered a service report, `result` how.
    """
    kind, prepared = row.get("kind", "service_report"), time(row["prepared"])
    first, last = row["period"]
    record: Record = {
        "schema": "report/v1", "id": f"RPT-{prepared[:4]}-{row['n']:04d}", "title": "虚构报告", "kind": kind,
        "status": "draft", "policy": row.get("policy", "tfdl-08-04@V1.2"), "period": {"from": first, "to": last},
        "prepared_by": "S004", "prepared_at": prepared, "summary": "虚构的报告，用于核对。",
        "registered_by": "S004", "registered_at": prepared,
    }  # fmt: skip
    of = row.get("project", 1)
    if kind == "service_report":
        record |= {
            "customer": f"CUS-{of:04d}", "project": row.get("of", f"PRJ-2026-{of:03d}"),
            "sla": [{"code": "AVL", "target": 99, "op": ">=", "actual": 100, "unit": "%", "met": True}],
            "improvements": [{"desc": "虚构的改进"}],
        }  # fmt: skip
    else:
        record |= {"as_of": prepared, "figures": [{"kpi": "CMP-01", "value": "0"}], "campaigns": ["2026-company"]}
    if row.get("approved"):
        record |= {"status": "approved", "approved_by": "S006", "approved_at": time(row["approved"])}
    if row.get("issued"):
        record |= {"status": "issued", "issued_at": time(row["issued"]),
                   "distribution": [{"to": f"CUS-{of:04d}/C01", "at": time(row["issued"])}]}  # fmt: skip
    if row.get("confirmed"):
        result = row.get("result", "confirmed")
        record["customer_confirmation"] = {
            "requested_at": time(row["issued"]), "contact": f"CUS-{of:04d}/C01", "at": time(row["confirmed"]),
            "method": "signature", "result": result,
        }  # fmt: skip
        if result in ("confirmed", "confirmed_with_comments"):
            record["status"] = "confirmed"
    return record | copy.deepcopy(row.get("also", {}))


# --- all of a case -----------------------------------------------------------------------------------------


def records(case: Mapping[str, Any]) -> list[Record]:
    """Every record of a case: its rows made complete, and the customers and projects they speak of."""
    found = [customer(n, **case.get("customers", {}).get(n, {})) for n in case.get("with_customers", (1,))]
    for number, own in case.get("projects", {1: {}}).items():
        own = dict(own or {})
        if "accepted" in own:
            acceptance, held = accepted(number, own.pop("accepted"))
            found.append(held)
            own |= acceptance
        found.append(project(number, **own))
    found += [incident(row) for row in case.get("incidents", ())]
    found += [item for row in case.get("complaints", ()) for item in complaint(row)]
    found += [survey(row) for row in case.get("surveys", ())]
    found += [callbacks(row) for row in case.get("callbacks", ())]
    found += [meeting(row.pop("n"), row.pop("kind"), row.pop("held"), **row)
              for row in copy.deepcopy(case.get("meetings", []))]  # fmt: skip
    found += [action(row) for row in case.get("actions", ())]
    found += [communication(row) for row in case.get("communications", ())]
    found += [report(row) for row in case.get("reports", ())]
    return found + copy.deepcopy(list(case.get("records", ())))


def path_of(name: str) -> str:
    """Where the record of an id lies."""
    kind, *rest = name.split("-")
    folder = {"CUS": "customers", "PRJ": "projects", "INC": "incidents", "CMP": "complaints", "SUR": "surveys",
              "MTG": "meetings", "ACT": "actions", "COM": "communications", "RPT": "reports"}[kind]  # fmt: skip
    year = f"{rest[0]}/" if len(rest) == 2 else ""
    hundred = f"{int(rest[1]) // 100:03d}/" if kind == "INC" else ""
    return f"records/{folder}/{year}{hundred}{name}.yaml"


def files(found: list[Record]) -> dict[str, bytes]:
    """Record files as bytes by path."""
    return {path_of(r["id"]): dumped(r) for r in found}


def dumped(data: object) -> bytes:
    """Data as YAML, in the order of its keys."""
    return yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False).encode()
