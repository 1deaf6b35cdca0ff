"""The forms for registering, in a real browser: what they write passes the check, byte for byte as the canonical form
has it, what is wrong is told by the codes of the check at the same fields, and nothing ever leaves the browser."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from test_quality import AXE, TAGS, VIOLATIONS, needed

from kelu import check, document
from kelu.document import layout
from kelu.finding import Severity
from kelu.git import MemoryTree
from repository import MOMENT, own_records, rulebook, store
from site_build import own_site

Opener = Callable[..., Any]
Data = dict[str, Any]

# Of each type a record of this repository that a clerk registers anew, and what has to be another then.
SAMPLES: dict[str, tuple[str, Data]] = {
    "action": ("ACT-2026-0009", {}),
    "communication": ("COM-2026-0002", {}),
    "complaint": ("CMP-2026-0005", {}),
    "customer": ("CUS-0002", {}),
    "incident": ("INC-2026-00057", {"external_ref": "GD-2026-99001"}),
    "meeting": ("MTG-2026-0005", {}),
    "project": ("PRJ-2026-001", {}),
    "report": ("RPT-2026-0002", {}),
    "survey": ("SUR-2026-0012", {}),
}
HOSTILE = [
    "yes", "0731", "---", "#", "a: b", "全角：冒号", "null", "~", "[x]", "- 甲", "{甲: 乙}", "“引号”与\"引号\"",
    "C:\\共享", "😀 表情", "1e3", "12:30", "@值班", "%", "甲 # 乙", "是", "0x1F", "=1+1", "😀",
]  # fmt: skip
# What Word puts on the clipboard, and what is left of it.
WORD = "第一段\u00a0文字\u200b，\r\n第二段\x0b软回车\t制表  \r\n\ufeff• 列表一\u2028末段  \n\n"
PLAIN_WORD = "第一段 文字，\n第二段\n软回车\t制表\n• 列表一\n末段"


def described(name: str) -> Data:
    found: Data = json.loads((own_site() / f"data/form/{name}.json").read_text("utf-8"))
    return found


def record(name: str) -> Data:
    (raw,) = (raw for path, raw in own_records().items() if path.endswith(f"/{name}.yaml"))
    data, _ = document.parse(raw, name)
    assert data is not None
    return data


def canonical(data: Mapping[str, Any], type_: str) -> str:
    return document.write(data, rulebook().schemas.order(type_))


def findings(files: Mapping[str, str]) -> set[tuple[str, str]]:
    """(code, field) of every error in files laid over this repository's records."""
    laid = {path: text.encode() for path, text in files.items()}
    tree = MemoryTree({**own_records(), **laid})
    report = check.check(tree, rulebook(), store(), MOMENT)
    faults = (item for item in report.findings if item.severity is Severity.ERROR and item.path in laid)
    return {(item.code, item.field) for item in faults}


def full(value: Any) -> Any:
    """Data without what is empty, which nobody types."""
    if isinstance(value, dict):
        return {key: full(inner) for key, inner in value.items() if inner not in ([], {}, None)}
    return [full(inner) for inner in value] if isinstance(value, list) else value


# --- the clerk ---------------------------------------------------------------------------------------------------


@pytest.fixture
def form(opened: Opener) -> Callable[..., Any]:
    """Opens a form with the clock at the moment of the tests' repository."""

    def open_form(name: str, query: str = "", page: Any = None, part: str = "", **more: Any) -> Any:
        page = page or opened("register/index.html", **more)
        page.add_init_script(f"Date.now = () => {MOMENT.timestamp() * 1000}")
        page.goto(f"{page.url.partition('/register/')[0].removesuffix('/en')}/{part}register/{name}.html{query}")
        page.wait_for_selector("[data-ready]")
        return page

    return open_form


def at(page: Any, path: str) -> Any:
    return page.locator(f'[data-field="{path}"]')


def unfold(page: Any) -> None:
    """Show every field that there is."""
    page.evaluate(
        "document.querySelectorAll('.k-register details').forEach((d) => { d.open = true; });"
        "document.querySelectorAll('.k-r-run').forEach((r) => r.classList.add('k-r-all'));"
    )


def enter(page: Any, fields: Sequence[Data], data: Mapping[str, Any], path: str = "") -> None:
    """Type a record's data into the form, field by field."""
    for field in fields:
        value = data.get(field["name"])
        if value is None or "const" in field or (not path and field["name"] == "status"):
            continue
        here = f"{path}.{field['name']}" if path else field["name"]
        if field["kind"] == "object":
            enter(page, field["fields"], value, here)
        elif field["kind"] == "array":
            entries(page, field, value, here)
        elif field["kind"] == "map":
            for number, (key, held) in enumerate(value.items()):
                if not field.get("graded"):
                    at(page, here).locator("> .k-r-add").click()
                    at(page, f"{here}[{number}]").nth(0).select_option(key)
                    put(at(page, f"{here}[{number}]").nth(1), held)
                else:
                    put(at(page, f"{here}.{key}"), held)
        else:
            put(at(page, here), value)


def entries(page: Any, field: Data, values: list[Any], here: str) -> None:
    box = at(page, here)
    if box.locator("> .k-r-ticks").count():  # boxes have an order of their own
        shown = box.locator("input").evaluate_all("boxes => boxes.map((box) => box.value)")
        values.sort(key=shown.index)
    for number, value in enumerate(values):
        if box.locator("> .k-r-ticks").count():
            box.locator(f'input[value="{value}"]').check()
            continue
        box.locator("> .k-r-add").click()
        unfold(page)
        if field.get("items") == "object":
            enter(page, field["fields"], value, f"{here}[{number}]")
        else:
            put(at(page, f"{here}[{number}]"), value)


def put(control: Any, value: Any) -> None:
    text = json.dumps(value) if isinstance(value, bool) else ", ".join(value) if isinstance(value, list) else str(value)
    if control.evaluate("n => n.tagName") == "SELECT":
        control.select_option(text)
    else:
        control.fill(text)
        control.blur()


def written(page: Any) -> str:
    """Press the button; the text, or what is said to be wrong."""
    page.locator(".k-r-go button").click()
    page.wait_for_selector("#k-r-text, .k-r-summary:not([hidden])")
    if not page.locator("#k-r-text").count():
        pytest.fail(page.locator(".k-r-summary").inner_text())
    text: str = page.locator("#k-r-text").evaluate("n => n.textContent")
    return text


def told(page: Any) -> set[tuple[str, str]]:
    """(code, field) of what the form says is wrong when one presses the button."""
    page.locator(".k-r-go button").click()
    page.wait_for_selector(".k-r-summary:not([hidden])")
    lines = page.locator(".k-r-summary li")
    return {(line.get_attribute("data-code"), line.get_attribute("data-at")) for line in lines.all()}


def registered(page: Any, type_: str, data: Data) -> Data:
    """The form filled in with the data of a record, under the id that it proposes."""
    form = described(type_)
    if data["status"] != page.locator("#k-r-status").input_value():
        page.locator("#k-r-status").select_option(data["status"])
    page.wait_for_timeout(300)
    unfold(page)
    proposed = at(page, "id").input_value()
    enter(page, [field for field in form["fields"] if field["name"] != "id"], data)
    page.wait_for_timeout(300)
    return {**data, "id": proposed} if at(page, "id").input_value() == proposed else {
        **data, "id": at(page, "id").input_value(),
    }  # fmt: skip


# --- the nine types ----------------------------------------------------------------------------------------------


def path_of(type_: str, data: Data) -> str:
    path = rulebook().schemas.records[type_].path_of(data["id"])
    assert path is not None
    return path


def test_there_is_a_form_for_every_type() -> None:
    assert set(SAMPLES) == set(rulebook().schemas.records)


@pytest.mark.parametrize("type_", SAMPLES)
def test_what_is_typed_passes_the_check_in_canonical_form(form: Callable[..., Any], type_: str) -> None:
    name, other = SAMPLES[type_]
    page = form(type_)
    old = full({**record(name), **other})
    for step in old.get("plan", {}).get("long_term", []):  # its action names another complaint
        step.pop("action", None)
        step["done_on"] = old["resolution"]["at"][:10]
    data = registered(page, type_, old)
    text = written(page)
    assert document.parse(text.encode(), name)[0] == data
    assert text == canonical(data, type_)
    path = path_of(type_, data)
    assert document.tidy(text.encode(), rulebook().schemas.order(type_)) == text.encode()
    assert findings({path: text}) == set()


# --- what people type and paste ----------------------------------------------------------------------------------

SHORT: Data = {
    "title": "夜间无人接听", "received_by": "S001", "receiving_department": "运营业务部", "channel": "phone",
    "form": "verbal", "customer": "CUS-0001", "complainant": {"contact": "CUS-0001/C01"},
    "description": "两次拨打服务热线均无人接听。", "demands": "说明原因", "registered_by": "S001",
}  # fmt: skip


def clerk(form: Callable[..., Any], **more: Any) -> Any:
    """A page with a short complaint typed in."""
    page = form("complaint", **more)
    unfold(page)
    enter(page, described("complaint")["fields"], SHORT)
    return page


def test_hostile_text_stays_the_text_it_is(form: Callable[..., Any]) -> None:
    page = clerk(form)
    long = "一二三四五六七八九十" * 1000
    texts = [*HOSTILE, " 前后空格 ", "多\n行: 文字\n\n- 第三行", "\ttab", long]
    for number, text in enumerate(texts):
        if "\n" not in text and len(text) < 80:
            at(page, "title").fill(text)
        at(page, "demands").fill(text)
        raw = written(page)
        data, faults = document.parse(raw.encode(), "form")
        assert data is not None, (text, faults)
        assert data["demands"] == text.strip(), number
        assert raw == canonical(data, "complaint")
        assert rulebook().schemas.accepts("complaint", data)
    assert findings({path_of("complaint", data): raw}) == set()


def test_text_pasted_from_word_is_made_clean(form: Callable[..., Any]) -> None:
    page = clerk(form)
    for path in ("description", "title"):
        at(page, path).focus()
        page.evaluate("""([path, text]) => {
          const box = document.querySelector(`[data-field="${path}"]`);
          box.select();
          document.execCommand("insertText", false, text);
        }""", [path, WORD])  # fmt: skip
        at(page, path).blur()
    data, _ = document.parse(written(page).encode(), "form")
    assert data is not None
    assert data["description"] == PLAIN_WORD
    assert data["title"].split() == PLAIN_WORD.split()
    assert at(page, "description").input_value() == PLAIN_WORD


def test_dates_are_taken_as_people_type_them(form: Callable[..., Any]) -> None:
    page = clerk(form)
    day = "2026-03-02T09:10:00+08:00"
    for typed, meant in (
        ("2026/3/2 9:10", day), ("２０２６－０３－０２　０９：１０", day), ("2026年3月2日 9时10分", day),
        ("2026-03-02T01:10:00Z", "2026-03-02T01:10:00Z"),
    ):  # fmt: skip
        put(at(page, "received_at"), typed)
        assert at(page, "received_at").input_value() == meant
    put(at(page, "received_at"), "2026-02-30 09:10")
    assert ("SCH-10", "received_at") in told(page)
    page.locator('.k-r-field:has([data-field="received_at"]) button').click()
    assert at(page, "received_at").input_value() == MOMENT.isoformat()


# --- the same rules ------------------------------------------------------------------------------------------------

LATE = "2027-01-01T00:00:00+08:00"
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("CMP-2026-0003", {"demands": None}),
    ("CMP-2026-0003", {"title": "长" * 81}),
    ("CMP-2026-0003", {"title": "两\n行"}),
    ("CMP-2026-0003", {"received_at": "2026-02-30T09:10:00+08:00"}),
    ("CMP-2026-0003", {"received_at": "2026-03-02T09:10:00"}),
    ("CMP-2026-0003", {"customer_reply_by": "2026-02-30"}),
    ("CMP-2026-0003", {"channel": "pigeon", "customer": "CUS-1", "unknown": 1}),
    ("CMP-2026-0003", {"schema": "complaint/v9"}),
    ("CMP-2026-0003", {"plan": None, "closure": None, "verification.effective": False}),
    ("CMP-2026-0003", {"assessment.criteria": "all", "evidence.0.sha256": "abc", "meetings": ["MTG-2026-0005"] * 2}),
    ("CMP-2026-0003", {"description": "请回电 138 0000 1111，谢谢", "progress.0.note": "邮箱 a.b@example.com"}),
    ("CMP-2026-0003", {"customer_confirmation.at": None, "resolution": "好"}),
    ("CMP-2026-0003", {"closure.approved_at": LATE}),
    ("CMP-2026-0003", {"registered_at": LATE, "customer_updates.0.at": LATE}),
    ("CMP-2026-0003", {"category": "nonsense", "assessment.severity": "trivial"}),
    ("CMP-2026-0003", {"category": "nonsense", "assessment.responsible_department": "不存在部"}),
    ("CMP-2026-0003", {"assessment.owner": "S999", "links": ["SUR-2026-9999"]}),
    ("CMP-2026-0003", {"meetings": ["MTG-2026-9999"]}),
    ("CMP-2026-0003", {"policy": "tfdl-08-03@V1.2"}),
    ("SUR-2026-0012", {"responses.1.returned_on": None, "responses.0.no": 0, "responses.0.scores": {}}),
    ("SUR-2026-0012", {"responses.0.outcome": "refused", "responses.1.valid": "yes"}),
    ("SUR-2026-0012", {"template": "none/v1"}),
    ("SUR-2026-0012", {"customer": None, "responses.0.respondent": None}),
    ("SUR-2026-0012", {"responses.1.reasons.competence": "电话 13800001111"}),
    ("MTG-2026-0005", {"status": "closed", "minutes": None}),
    ("PRJ-2026-001", {"service_to": "2026-13-01", "sla.report_cycle": "weekly-ish"}),
    ("INC-2026-00057", {"closed_at": LATE}),
    ("CUS-0001", {"contacts.0.phone": "电话", "contacts.0.name": "", "contacts": None}),
]


def changed(data: Any, changes: Mapping[str, Any]) -> Any:
    """Data with other values at dotted places; None takes a value away."""
    data = json.loads(json.dumps(data))
    for place, value in changes.items():
        *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
        inside = data
        for step in way:
            inside = inside[step]
        if value is None:
            del inside[last]
        else:
            inside[last] = value
    return data


def test_the_form_and_the_check_find_the_same_at_the_same_fields(form: Callable[..., Any]) -> None:
    page = form("complaint")
    known = set(described("complaint")["findings"])
    apart = {}
    for name, changes in WRONG:
        data = changed(record(name), changes)
        (path,) = (path for path in own_records() if path.endswith(f"/{name}.yaml"))
        type_ = next(key for key, schema in rulebook().schemas.records.items() if path.startswith(schema.folder))
        seen = page.evaluate("""async ([type, data, now]) => {
          const {judge, fieldText} = await import("../assets/kelu/rules.js");
          const read = (name) => fetch(`../data/form/${name}.json`).then((answer) => answer.json());
          const [form, known] = await Promise.all([type, "directory"].map(read));
          return judge(form, known).judge(data, false, now).map(({code, path}) => [code, fieldText(path)]);
        }""", [type_, data, MOMENT.timestamp() * 1000])  # fmt: skip
        wanted = {(code, field) for code, field in findings({path: canonical(data, type_)}) if code in known}
        shown = {tuple(item) for item in seen}
        assert wanted, (name, changes)
        if not {code for code, _ in wanted} - {"VOC-01", "X-04", "R-ALL-03b", "R-ALL-06", "R-ALL-08"}:
            late = shown
        else:  # the check asks for the rest only once the file itself is sound
            late = {item for item in shown if item[0].startswith(("SCH", "R-ALL-05"))}
        if late != wanted:
            apart[name, str(changes)] = (wanted - late, late - wanted)
    assert apart == {}


def test_what_is_wrong_stands_at_its_field_and_in_the_summary(form: Callable[..., Any]) -> None:
    for part, said in (("", "此处文字中含手机号"), ("en/", "The text here holds a mobile number")):
        page = form("complaint", part=part)
        put(at(page, "description"), "请回电 13800001111")
        fault = page.locator(".k-r-field", has=at(page, "description")).locator(".k-r-fault")
        fault.wait_for()
        assert said in fault.inner_text()
        assert at(page, "description").get_attribute("aria-invalid") == "true"
        assert {("R-ALL-05", "description"), ("SCH-02", "demands"), ("SCH-02", "customer")} <= told(page)
        assert page.locator(".k-r-summary").evaluate("n => n === document.activeElement")
        page.locator('.k-r-summary [data-at="demands"] a').click()
        assert at(page, "demands").evaluate("n => n === document.activeElement")
        page.evaluate("localStorage.clear()")


def test_a_state_opens_what_it_needs(form: Callable[..., Any]) -> None:
    page = clerk(form)
    page.locator("#k-r-status").select_option("acknowledged")
    assert ("SCH-11", "acknowledgement") in told(page)
    assert page.locator("details.k-r-part", has=at(page, "acknowledgement")).evaluate("n => n.open")
    put(at(page, "acknowledgement.at"), "2026-11-22 11:00")
    put(at(page, "acknowledgement.by"), "林晓舟")  # a name that one person has becomes the id
    assert at(page, "acknowledgement.by").input_value() == "S001"
    data, _ = document.parse(written(page).encode(), "form")
    assert data is not None
    assert data["acknowledgement"] == {"at": "2026-11-22T11:00:00+08:00", "by": "S001"}


# --- the canonical text, drafts, submitting -----------------------------------------------------------------------


def odd(dice: random.Random, depth: int = 0) -> Any:
    pick = dice.random()
    if pick < 0.55 or depth > 3:
        parts = [
            *HOSTILE,
            "多\n行",
            " 首空格\n第二行",
            "中文，句子。",
            "é",
            "\x7f\u2028",
            "a\tb",
            "x" * 118,
            "甲" * 60,
            "2026-03-02",
            "\n",
        ]
        return "".join(dice.choice(parts) for _ in range(dice.randint(0, 3)))
    if pick < 0.65:
        return dice.choice([None, True, False, 0, -3, 7, 1.5, 0.25, 10**9])
    if pick < 0.8:
        return [odd(dice, depth + 1) for _ in range(dice.randint(0, 4))]
    return {
        dice.choice(["at", "by", "note", "a", "b", "c", "键", "true", "x-y"]): odd(dice, depth + 1)
        for _ in range(dice.randint(0, 4))
    }


def test_the_browser_writes_as_the_program_does(form: Callable[..., Any]) -> None:
    page, dice = form("complaint"), random.Random(20261122)
    order: Any = {"at": {"by": {}}, "note": {"b": {}, "a": {}}, "a": {"c": {}, "b": {}, "a": {"b": {}}}, "b": {}}
    keys = ["at", "by", "note", "a", "b", "c", "键"]
    made = [{"id": odd(dice, 3), **{key: odd(dice, 1) for key in dice.sample(keys, 4)}} for _ in range(1500)]
    seen = page.evaluate("""async ([order, made, plain]) => {
      const {writer} = await import("../assets/kelu/canon.js");
      return made.map((data) => writer(plain).write(data, order));
    }""", [order, made, layout.PLAIN])  # fmt: skip
    assert [data for data, text in zip(made, seen, strict=True) if text != document.write(data, order)] == []


def test_a_draft_is_kept_and_can_be_thrown_away(form: Callable[..., Any]) -> None:
    page = form("complaint")
    at(page, "title").fill("写到一半")
    page.wait_for_function("localStorage.getItem('kelu.form.complaint.new')")
    page = form("complaint", page=page)
    assert at(page, "title").input_value() == "写到一半"
    assert "草稿" in page.locator(".k-note--info").inner_text()
    page.locator(".k-note--info button").click()
    page.wait_for_selector("[data-ready]")
    page.wait_for_function("document.querySelector('[data-field=title]')?.value === ''")
    assert page.evaluate("localStorage.getItem('kelu.form.complaint.new')") is None


def test_grades_come_back_with_the_draft(form: Callable[..., Any]) -> None:
    page = form("survey")
    unfold(page)
    at(page, "template").select_option("tfdl-project/v1")
    at(page, "responses").locator("> .k-r-add").click()
    unfold(page)
    at(page, "responses[0].scores.quality").select_option("5")
    held = "JSON.parse(localStorage.getItem('kelu.form.survey.new') || '{}').data?.responses?.[0].scores"
    page.wait_for_function(f"{held}?.quality === 5")
    page = form("survey", page=page)
    unfold(page)
    assert at(page, "responses[0].scores.quality").input_value() == "5"
    at(page, "responses[0].scores.competence").select_option("4")
    page.wait_for_function(f"{held}?.competence === 4")
    assert page.evaluate(held) == {"quality": 5, "competence": 4}


def test_the_forge_opens_with_the_text_or_the_file_is_uploaded(form: Callable[..., Any]) -> None:
    page = clerk(form)
    text = written(page)
    link = page.locator(".k-r-steps a.k-r-main")
    address = urlsplit(link.get_attribute("href"))
    asked = parse_qs(address.query)
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://git.example.invalid/fuwu/kelu/_new/main/"
    assert asked == {"filename": ["records/complaints/2026/CMP-2026-0014.yaml"], "value": [text]}
    assert page.locator("#k-r-subject").inner_text() == "CMP-2026-0014 登记"
    at(page, "demands").fill("要求" * 1000)
    text = written(page)
    links = [item.get_attribute("href") for item in page.locator(".k-r-steps a").all()]
    assert links[1] == "https://git.example.invalid/fuwu/kelu/_upload/main/records/complaints/2026"
    with page.expect_download() as download:
        page.locator(".k-r-steps a[download]").click()
    assert download.value.suggested_filename == "CMP-2026-0014.yaml"
    assert download.value.path().read_bytes() == text.encode()


@pytest.mark.parametrize("kind", ["none", "gitlab"])
def test_without_a_page_that_takes_text_there_is_copy_and_download(form: Callable[..., Any], kind: str) -> None:
    page = form("complaint")
    way = "https://x.invalid/-/new/main?file_name={path}"
    addresses = {"new": way, "edit": "https://x.invalid/e/{path}", "upload": "https://x.invalid/u/{folder}"}
    known = {**described("directory"), "forge": addresses if kind == "gitlab" else {}}
    page.route("**/data/form/directory.json", lambda route: route.fulfill(json=known))
    page.evaluate("localStorage.clear()")
    page = clerk(form, page=page)
    text = written(page)
    away = [link.get_attribute("href") for link in page.locator(".k-r-steps a[target]").all()]
    path = "records%2Fcomplaints%2F2026%2FCMP-2026-0014.yaml"
    assert away == ([way.replace("{path}", path)] if kind == "gitlab" else [])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="复制文本").click()
    assert page.evaluate("navigator.clipboard.readText()") == text
    assert page.get_by_role("link", name="下载文件").count() == 1


# --- records that are there ---------------------------------------------------------------------------------------


def source(name: str) -> str:
    (raw,) = (raw for path, raw in own_records().items() if path.endswith(f"/{name}.yaml"))
    return raw.decode()


def test_an_update_keeps_every_byte_that_nobody_touched(form: Callable[..., Any]) -> None:
    page = form("survey", "?record=SUR-2026-0012")
    unfold(page)
    assert at(page, "title").is_disabled()
    assert "不可改" in page.locator(".k-r-field", has=at(page, "title")).locator(".k-r-help").inner_text()
    put(at(page, "follow_up.customer_feedback.method"), "email")
    entries(page, {"items": "string"}, ["ACT-2026-0009"], "links")
    text, old = written(page), source("SUR-2026-0012")
    kept = old.index("follow_up:"), old.index("closure:")
    assert text.startswith(old[: kept[0]])
    assert "\n# 次月；二次调查以 resurvey_of 指回本记录\nfollow_up:\n" in text
    assert text.endswith(old[kept[1] :] + "links: [ACT-2026-0009]\n")
    assert findings({"records/surveys/2026/SUR-2026-0012.yaml": text}) == set()
    assert page.locator(".k-r-steps a.k-r-main").get_attribute("href") == (
        "https://git.example.invalid/fuwu/kelu/_edit/main/records/surveys/2026/SUR-2026-0012.yaml"
    )


def test_an_untouched_record_is_given_back_as_it_is(form: Callable[..., Any]) -> None:
    for name, type_ in (("CMP-2026-0003", "complaint"), ("MTG-2026-0005", "meeting"), ("RPT-2026-0002", "report")):
        page = form(type_, f"?record={name}")
        assert written(page) == source(name)
        assert "没有改动" in page.locator("#k-r-done").inner_text()


def test_a_record_with_masked_values_is_pasted_by_who_may_read_it(form: Callable[..., Any], opened: Opener) -> None:
    assert "k-source" not in (own_site() / "records/CUS-0001.html").read_text("utf-8")
    page = form("customer", "?record=CUS-0001")
    assert page.locator(
        'a[href="https://git.example.invalid/fuwu/kelu/_edit/main/records/customers/CUS-0001.yaml"]'
    ).count()
    page.locator("#k-r-paste").fill(source("CUS-0002"))
    page.locator("button.k-r-main").click()
    assert "不是 CUS-0001" in page.locator("#k-r-paste-fault").inner_text()
    page.locator("#k-r-paste").fill(source("CUS-0001").replace("\n", "\r\n"))
    page.locator("button.k-r-main").click()
    unfold(page)
    at(page, "contacts").locator("> .k-r-add").click()
    unfold(page)
    enter(page, next(f["fields"] for f in described("customer")["fields"] if f["name"] == "contacts"),
          {"id": "C09", "name": "王小明", "position": "科长", "phone": "0731-8888-0000", "active": True},
          "contacts[3]")  # fmt: skip
    text, old = written(page), source("CUS-0001")
    assert text.startswith(old[: old.index("contacts:")])
    assert text.endswith(old[old.index("registered_by:") :])
    assert 'phone: "0731-8888-0000"' in text
    assert findings({"records/customers/CUS-0001.yaml": text}) == set()


def test_a_record_page_leads_to_the_form_and_its_next_states(form: Callable[..., Any], opened: Opener) -> None:
    page = opened("records/CMP-2026-0012.html")
    page.get_by_role("link", name="推进到“已处置待验证”").click()
    page.wait_for_selector("[data-ready]")
    assert page.locator("#k-r-status").input_value() == "resolved"
    assert ("SCH-11", "resolution") in told(page)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_every_part_of_a_form_can_be_used_by_everybody(form: Callable[..., Any], theme: str, width: int) -> None:
    needed(AXE)
    for name, query in (("complaint", ""), ("customer", "?record=CUS-0001"), ("survey", "?record=SUR-2026-0012")):
        page = form(name, query, theme=theme, width=width)
        if name != "customer":
            unfold(page)
            page.evaluate("document.querySelectorAll('.k-r-add').forEach((button) => button.click())")
            unfold(page)
            page.locator(".k-r-go button").click()
            page.wait_for_selector("#k-r-text, .k-r-summary:not([hidden])")
        page.add_script_tag(path=AXE)
        assert page.evaluate(VIOLATIONS, TAGS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()
