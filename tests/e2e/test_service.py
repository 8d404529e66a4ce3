"""From files to cited answers over the real local runtime."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cli import examples, loading, waiting
from cli.client import Client
from cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from pathlib import Path

    from cli.connection import Connection

EARNINGS = "Did training raise earnings?"
pytestmark = pytest.mark.postgres


@pytest.fixture(scope="session")
def nsw(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Load the experiment on training and earnings."""
    path = examples.write_study("nsw", tmp_path_factory.mktemp("files"))
    return loading.load(client, path, examples.description_of(path))


@pytest.fixture(scope="session")
def answered(client: Client, nsw: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ask once; return the composition and its steps."""
    view = waiting.ask(client, EARNINGS, "nsw", None, 60)
    return waiting.whole(client, view["composition_id"])


def test_it_is_ready_and_says_what_it_is(client: Client):
    assert client.get("/ready")["status"] == "ready"
    assert client.get("/config")["stage"] == "local"


def test_a_published_study_is_loaded_with_its_description(nsw: dict[str, Any]):
    assert (nsw["rows"], nsw["randomised"]) == (445, True)
    assert {c["name"]: c["role"] for c in nsw["columns"]}["treat"] == "treatment"


def test_the_experiments_effect_is_found_to_the_dollar(answered):
    view, steps = answered
    assert view["status"] == "COMPLETED", view
    effects = [step["output_result"]["ate"] for step in steps if "ate" in (step["output_result"] or {})]
    assert effects[0] == pytest.approx(1794.34, abs=1)


def test_every_part_of_the_answer_cites_a_completed_step(answered):
    view, steps = answered
    completed = {step["step_number"] for step in steps if step["status"] == "COMPLETED"}
    assert view["answer"]["parts"]
    for part in view["answer"]["parts"]:
        assert part["citations"]
        assert set(part["citations"]) <= completed


def test_every_number_of_the_headline_comes_from_a_step(answered):
    view, steps = answered
    outputs = json.dumps([step["output_result"] for step in steps])
    known = [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", outputs)]
    said = view["answer"]["headline"].replace("95%", "")
    for text in re.findall(r"\d[\d,]*\.?\d*", said):
        number = float(text.replace(",", ""))
        assert any(abs(abs(value) - number) <= max(0.006 * number, 0.05) for value in known), text


def test_phases_and_steps_are_timed(answered):
    view, steps = answered
    assert {"decompose", "plan", "execute", "synthesize", "total"} <= set(view["latency_ms"])
    assert all(step["latency_ms"] > 0 for step in steps if step["status"] == "COMPLETED")
    assert view["progress"]["percent"] == 100


def test_the_same_question_asked_ten_times_at_once_is_answered_ten_times(service: Connection, nsw):
    def ask(_: int) -> str:
        with Client(service) as own:
            return str(waiting.ask(own, EARNINGS, "nsw", None, 120)["status"])

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, range(10))) == ["COMPLETED"] * 10


def test_a_question_about_something_else_is_sent_back_with_a_clarification(client: Client, nsw):
    view = waiting.ask(client, "blah blah", None, None, 10)
    assert view["routing_pattern"] == "CLARIFICATION_NEEDED"
    assert waiting.verdict(view) is Exit.UNCLEAR


def test_a_phrase_that_is_no_column_fails_with_its_name_and_not_with_a_number(client: Client, nsw):
    view = waiting.ask(client, "Did the zorgle programme raise the flumox score?", "nsw", None, 60)
    assert view["answer"] is None
    assert "zorgle" in json.dumps(view) or "flumox" in json.dumps(view)


def test_a_file_larger_than_a_request_goes_by_ticket(client: Client, tmp_path: Path):
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("unit,visits,trx\n")
        file.writelines(f"u{i},{i % 2},{i % 97}.5\n" for i in range(120_000))
    assert path.stat().st_size > 1024 * 1024
    assert loading.load(client, path, {"unit": "hcp"})["rows"] == 120_000


def test_an_upload_address_cannot_be_used_for_another_object(client: Client):
    ticket = client.post("/uploads", None)
    other = ticket["url"].replace(ticket["upload_key"], ticket["upload_key"][:-1] + "0")
    assert httpx.put(other, content=b"x").status_code in {401, 403}


def test_no_token_is_401_and_a_viewer_may_read_but_not_ask(service: Connection, service_folder: Path):
    ran = subprocess.run(
        [sys.executable, "-m", "cli.main", "token", "--role", "viewer", "--data-dir", str(service_folder)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    viewer = dataclasses.replace(service, token=ran.stdout.strip())
    with Client(viewer) as reading:
        assert reading.get("/tools")["items"]
        with pytest.raises(CommandError) as refused:
            reading.post("/ask", {"query": EARNINGS})
    assert refused.value.code is Exit.DENIED
    with Client(dataclasses.replace(service, token="")) as nobody, pytest.raises(CommandError) as unknown:
        nobody.get("/tools")
    assert unknown.value.problem["status"] == 401


def test_another_tenant_sees_nothing(service: Connection, service_folder: Path, answered):
    from infra.local.tokens import issue

    token = issue(service_folder, "owner", "00000000-0000-7000-8000-00000000beef", "eve", 600)
    with Client(dataclasses.replace(service, token=token)) as other:
        assert other.get("/datasets")["items"] == []
        with pytest.raises(CommandError) as refused:
            other.get(f"/compositions/{answered[0]['composition_id']}")
    assert refused.value.code is Exit.NOT_FOUND


def test_the_document_served_is_the_document_of_all_functions(client: Client):
    from e2i_shared.http import openapi

    assert client.get("/openapi.json") == json.loads(json.dumps(openapi.document()))


def test_the_command_finds_the_service_and_answers(service: Connection, nsw, tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "ask",
        EARNINGS,
        "-d",
        "nsw",
        "--url",
        service.url,
        "--token",
        service.token,
        "--json",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["answer"]["headline"]


def test_no_question_and_no_row_is_in_the_functions_logs(service_folder: Path, answered):
    logs = "".join(path.read_text(errors="replace") for path in (service_folder / "logs").glob("*.log"))
    assert "metrics" in logs.lower()
    assert EARNINGS not in logs
    assert "Dehejia" not in logs
