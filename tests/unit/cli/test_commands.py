"""What users type, what they read, and the exit code they get."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
import typer
from e2i_shared import bootstrap
from e2i_shared.api.composition import Answer, AnswerPart, CompositionStatus
from e2i_shared.composer.model import NewComposition, Plan, PlanStep
from world import ANSWERED, QUESTION, TENANT, FakeWiring

from cli import exits
from cli.exits import Exit
from cli.main import app

ANSWER = Answer(
    headline="Visits raised trx by 2.5.",
    parts=[
        AnswerPart(sub_question="Q1", question="Did more visits raise trx", text="Yes.", citations=[1], confidence=0.9),
        AnswerPart(sub_question="Q2", question="which regions", text="South.", citations=[1, 2], confidence=0.8),
    ],
    caveats=["One region is small."],
    next_step="Test it.",
    text="Visits raised trx by 2.5.",
)


def answer_at_once(wiring: FakeWiring, status: CompositionStatus = CompositionStatus.COMPLETED) -> None:
    """Let every composition end as soon as it is started."""

    def start(tenant_id: str, composition_id: str, _attempt: int) -> None:
        compositions = wiring.tenant(tenant_id).compositions
        steps = [
            PlanStep(
                step_number=1,
                name="effect",
                tool="causal_effect_estimator",
                runtime="image",
                inputs={},
                serves="Q1",
                level=1,
            ),
            PlanStep(
                step_number=2,
                name="who",
                tool="cate_analyzer",
                runtime="image",
                inputs={},
                depends_on=[1],
                serves="Q2",
                level=2,
            ),
        ]
        compositions.save_plan(
            composition_id, Plan(dataset="trial", dataset_version=1, steps=steps, levels=[[1], [2]]), 3
        )
        for number in (1, 2):
            compositions.start_step(composition_id, number, {})
            compositions.finish_step(
                composition_id, number, CompositionStatus.COMPLETED, output={}, latency_ms=number * 10
            )
        if status is CompositionStatus.COMPLETED:
            compositions.save_answer(composition_id, ANSWER, [], {"total": 40.0})
        else:
            compositions.fail(composition_id, status, "No overlap.")

    wiring.started.start = start  # type: ignore[method-assign]


def test_ask_prints_the_answer_with_citations_caveats_and_the_next_step(wiring, run):
    answer_at_once(wiring)
    result = run("ask", QUESTION)

    assert result.exit_code == Exit.OK
    for text in ("Visits raised trx by 2.5.", "[1] [2]", "90%", "! One region is small.", "→ Test it.", "COMPLETED"):
        assert text in result.output


def test_ask_in_json_is_the_services_own_document(wiring, run_json):
    answer_at_once(wiring)
    view = run_json("ask", QUESTION)
    assert (view["status"], view["answer"]["headline"]) == ("COMPLETED", ANSWER.headline)


def test_a_failed_answer_exits_1_and_says_why(wiring, run):
    answer_at_once(wiring, CompositionStatus.FAILED)
    result = run("ask", QUESTION)
    assert result.exit_code == Exit.FAILED
    assert "No overlap." in result.output


def test_an_answer_that_does_not_come_in_time_exits_9_with_the_id_to_look_for(wiring, run_json):
    view = run_json("ask", QUESTION, "--wait", "0", code=Exit.PENDING)
    assert view["composition_id"]


def test_an_unclear_question_exits_8_with_what_is_missing(wiring, run):
    result = run("ask", "asdf qwer zxcv")
    assert result.exit_code == Exit.UNCLEAR
    assert result.output.strip()


def test_while_it_waits_it_polls_until_the_answer_is_there(wiring, gateway, run, monkeypatch):
    from cli import waiting

    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "SILENT_SECONDS", 0.0)
    polls = []

    def serve(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            polls.append(request.url.path)
        if len(polls) == 3:
            (composition_id,) = {path.split("/")[4] for path in polls}
            wiring.tenant(TENANT).compositions.save_answer(composition_id, ANSWER, [], {})
        return type(gateway).handle_request(gateway, request)

    monkeypatch.setattr(gateway, "handle_request", serve)
    result = run("ask", QUESTION)
    assert result.exit_code == Exit.OK, result.output
    assert [path.rsplit("/", 1)[1] == "events" for path in polls] == [True, True, True, False]
    assert "Waiting to start" in result.stderr
    assert "Waiting to start" not in result.stdout


def test_classify_prints_pattern_domains_parts_and_edges(run):
    result = run("classify", QUESTION)
    assert result.exit_code == 0
    for text in ("TOOL_COMPOSER", "CAUSAL", "Q1", "Q1 → Q2"):
        assert text in result.output


def test_compositions_are_listed_newest_first_and_traced_as_a_tree(wiring, run, run_json):
    answer_at_once(wiring)
    first = run_json("ask", QUESTION)["composition_id"]
    second = run_json("ask", QUESTION)["composition_id"]
    assert [item["composition_id"] for item in run_json("compositions")] == [second, first]

    tree = run("trace", first).output
    assert (
        tree.index("level 1")
        < tree.index("causal_effect_estimator")
        < tree.index("level 2")
        < tree.index("cate_analyzer")
    )
    for text in ("10 ms", "20 ms", "after [1]", "total: 40 ms"):
        assert text in tree
    assert run_json("trace", first)["steps"][0]["tool_name"] == "causal_effect_estimator"


def test_a_list_longer_than_a_page_is_read_to_the_limit(wiring, run_json):
    for _ in range(7):
        run_json("ask", QUESTION, "--wait", "0", code=Exit.PENDING)
    assert len(run_json("compositions", "--limit", "5")) == 5
    assert len(run_json("compositions", "--status", "PENDING", "--limit", "1000")) == 7


def test_datasets_are_listed_and_shown_with_their_columns(run):
    assert "trial" in run("datasets").output
    shown = run("datasets", "trial").output
    for text in ("visits", "treatment", "rep visits", "400 rows"):
        assert text in shown


def test_a_typo_in_a_name_exits_5_with_the_nearest_one(run, run_json):
    result = run("datasets", "trail")
    assert result.exit_code == Exit.NOT_FOUND
    assert "did you mean: trial?" in result.stderr
    assert run_json("datasets", "trail", code=Exit.NOT_FOUND)["status"] == 404


def test_tools_are_listed_described_and_run(run, run_json, tmp_path):
    names = {tool["name"] for tool in run_json("tools")}
    assert "power_calculator" in names
    assert run_json("tools", "power_calculator")["input_schema"]["properties"]
    example = run_json("tools", "power_calculator")["examples"][0]
    (tmp_path / "p.json").write_text(json.dumps(example))
    direct = run_json("run-tool", "power_calculator", "--params", json.dumps(example))
    from_file = run_json("run-tool", "power_calculator", "--params", f"@{tmp_path / 'p.json'}")
    assert direct["result"] == from_file["result"]
    assert "power" in run("run-tool", "power_calculator", "--params", json.dumps(example)).output


@pytest.mark.parametrize("params", ["{", "[1]", "@nowhere.json", "7"])
def test_params_that_cannot_be_read_exit_2_before_anything_is_sent(run, gateway, params: str):
    result = run("run-tool", "power_calculator", "--params", params)
    assert result.exit_code == Exit.USAGE
    assert "--params" in result.stderr
    assert gateway.requests == []


def test_params_a_tool_refuses_exit_6_with_its_words(run):
    result = run("run-tool", "power_calculator", "--params", '{"effect_size": "large"}')
    assert result.exit_code == Exit.REJECTED
    assert "effect_size" in result.stderr


def test_a_role_that_may_not_exits_4(run, gateway):
    gateway.role = "viewer"
    result = run("ask", QUESTION)
    assert result.exit_code == Exit.DENIED
    assert "viewer" in result.stderr


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, Exit.DENIED), (404, Exit.NOT_FOUND), (409, Exit.REJECTED), (429, Exit.RATE_LIMITED), (503, Exit.FAILED)],
)
def test_each_kind_of_refusal_has_its_exit_code(run, gateway, status: int, code: Exit):
    problem = {"title": "No", "status": status, "detail": "Not now.", "correlation_id": "c-9"}
    gateway.replies["GET", "/api/v1/tools"] = httpx.Response(status, json=problem)
    result = run("tools")
    assert result.exit_code == code
    assert "c-9" in result.stderr


def test_a_reply_that_is_no_problem_document_is_still_told(run, gateway):
    gateway.replies["GET", "/api/v1/tools"] = httpx.Response(502, text="<html>bad gateway</html>")
    result = run("tools")
    assert result.exit_code == Exit.FAILED
    assert "bad gateway" in result.stderr.lower()


@pytest.mark.parametrize("broken", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_a_service_that_does_not_answer_exits_3_and_never_a_stack_trace(run, gateway, broken: Exception):
    gateway.broken = broken
    result = run("tools")
    assert result.exit_code == Exit.UNREACHABLE
    assert "http://e2i.example.com" in result.stderr
    assert "Traceback" not in result.output + result.stderr


def test_the_token_goes_along_and_can_be_given(run, gateway):
    run("tools", "--token", "other", "--url", "http://elsewhere.example.com")
    (sent,) = gateway.requests
    assert (sent.headers["authorization"], sent.url.host) == ("Bearer other", "elsewhere.example.com")


def test_an_answer_is_printed_as_a_report_or_its_summary(wiring, run, run_json):
    answer_at_once(wiring)
    view = run_json("ask", QUESTION)
    shown = run("report", view["composition_id"]).output
    assert view["answer"]["headline"].split()[0] in shown
    assert run("report", view["composition_id"], "--short").exit_code == Exit.OK
    assert run_json("report", view["composition_id"])["findings"][0]["evidence"]


def test_a_composition_without_an_answer_has_no_report_but_a_reason(wiring, run):
    wiring.tenant(TENANT).compositions.create(NewComposition(composition_id=ANSWERED, query=QUESTION))
    told = run("report", ANSWERED)
    assert told.exit_code == Exit.REJECTED
    assert "no answer" in told.output


def test_feedback_from_another_run_is_not_needed_for_a_trace_of_nothing(run):
    assert run("trace", "01999999-0000-7000-8000-0000000000ff").exit_code == Exit.NOT_FOUND


def test_every_exit_code_is_documented():
    for code in Exit:
        assert f"\n{int(code)} " in (exits.__doc__ or ""), code


def test_help_names_every_command(run):
    names = set(typer.main.get_command(app).commands)
    assert {
        "up",
        "ask",
        "classify",
        "load",
        "datasets",
        "tools",
        "run-tool",
        "compositions",
        "cohorts",
        "save-cohort",
        "trace",
        "report",
        "token",
        "doctor",
        "sample",
        "classifier",
        "twin",
        "twins",
        "jobs",
        "mlflow",
        "redrive",
    } == names
    shown = run("--help").output
    assert all(name in shown for name in names)


NO_JSON = {("up",), ("mlflow",), ("classifier", "export-feedback")}  # two never end, one prints JSON lines


def test_every_command_takes_json_but_those_that_never_end_or_print_it_anyway(run):
    for names in leaves(typer.main.get_command(app)):
        assert ("--json" in run(*names, "--help").output) == (names not in NO_JSON), names


def leaves(command, path=()):
    """Return every command that does something, as the words it is called by."""
    below = getattr(command, "commands", {})
    runs = not below or command.invoke_without_command
    return [*([path] if runs and path else []), *(p for n, c in below.items() for p in leaves(c, (*path, n)))]


def test_the_catalogue_is_left_alone_by_reading(wiring, run):
    before = bootstrap.for_tenant(TENANT).catalogue.all()
    run("datasets")
    assert bootstrap.for_tenant(TENANT).catalogue.all() == before


def test_the_working_folder_stays_empty(run):
    run("tools")
    assert list(Path.cwd().iterdir()) == []
