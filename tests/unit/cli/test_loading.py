"""Files on their way to the service: small ones inline, large ones by ticket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from cli import examples, loading
from cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

LOADED = {"name": "x", "version": 1, "rows": 2, "columns": [], "dataset_id": "d"}


@pytest.fixture(autouse=True)
def _accepts(gateway) -> None:
    gateway.replies["POST", "/api/v1/datasets"] = httpx.Response(201, json=LOADED)


def sent(gateway) -> dict:
    return json.loads(next(r for r in gateway.requests if r.url.path.endswith("/datasets")).content)


def test_a_small_csv_goes_inline_under_its_own_name(run, gateway, tmp_path: Path):
    (tmp_path / "visits.csv").write_bytes("\ufeffid,x\r\n1,2\r\n".encode())
    result = run("load", str(tmp_path / "visits.csv"), "--unit", "hcp", "--role", "x=treatment", "--randomised")

    assert result.exit_code == 0, result.output
    assert sent(gateway) == {
        "name": "visits",
        "format": "csv",
        "content": "id,x\r\n1,2\r\n",
        "unit": "hcp",
        "randomised": True,
        "columns": [{"name": "x", "role": "treatment"}],
    }


@pytest.mark.parametrize("name", ["large.csv", "small.parquet"])
def test_a_large_csv_and_any_parquet_go_by_ticket(run, gateway, tmp_path: Path, monkeypatch, name: str):
    monkeypatch.setattr(loading, "INLINE_BYTES", 8)
    path = tmp_path / name
    path.write_bytes(b"id,x\n" + b"1,2\n" * 1000)
    uploads = []

    def put(url: str, *, content, headers, timeout) -> httpx.Response:
        uploads.append((url, b"".join(content), headers["Content-Length"]))
        return httpx.Response(200, request=httpx.Request("PUT", url))

    monkeypatch.setattr(httpx, "put", put)
    assert run("load", str(path)).exit_code == 0
    ((url, content, length),) = uploads
    assert (content, length) == (path.read_bytes(), str(len(path.read_bytes())))
    assert url.endswith(sent(gateway)["upload_key"])
    assert "content" not in sent(gateway)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_small_file_in_another_encoding_is_left_to_the_service(run, gateway, tmp_path: Path, monkeypatch, encoding):
    uploads = []

    def put(url: str, *, content, headers, timeout) -> httpx.Response:
        uploads.append(b"".join(content))
        return httpx.Response(200, request=httpx.Request("PUT", url))

    monkeypatch.setattr(httpx, "put", put)
    (tmp_path / "cities.csv").write_bytes("city\nKöln\n".encode(encoding))

    assert run("load", str(tmp_path / "cities.csv")).exit_code == 0
    assert uploads == ["city\nKöln\n".encode(encoding)]


def test_an_upload_that_fails_exits_1_and_loads_nothing(run, gateway, tmp_path: Path, monkeypatch):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")

    def put(url: str, **_: object) -> httpx.Response:
        return httpx.Response(403, request=httpx.Request("PUT", url))

    monkeypatch.setattr(httpx, "put", put)
    result = run("load", str(tmp_path / "x.parquet"))
    assert result.exit_code == Exit.FAILED
    assert not [r for r in gateway.requests if r.url.path.endswith("/datasets")]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing.csv", None, Exit.NOT_FOUND),
        ("x.xlsx", b"PK", Exit.REJECTED),
    ],
)
def test_a_file_that_cannot_be_sent_says_why(
    run, gateway, tmp_path: Path, name: str, content: bytes | None, code: Exit
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run("load", str(tmp_path / name))
    assert result.exit_code == code
    assert name in result.stderr.replace("\n", "")


@pytest.mark.parametrize("role", ["x", "x=", "=treatment"])
def test_a_role_without_its_two_sides_exits_2(run, tmp_path: Path, role: str):
    (tmp_path / "x.csv").write_text("x\n1\n")
    assert run("load", str(tmp_path / "x.csv"), "--role", role).exit_code == Exit.USAGE


def test_a_shipped_description_names_every_column_of_the_file(tmp_path: Path):
    (tmp_path / "nhefs.csv").write_text("seqn,qsmk,wt82_71,something_else\n1,0,2.5,x\n")
    said = examples.description_of(tmp_path / "nhefs.csv")
    roles = {column["name"]: column.get("role") for column in said["columns"]}
    assert (roles["qsmk"], roles["wt82_71"], roles["something_else"]) == ("treatment", "outcome", "ignore")
    assert (said["name"], said["unit"]) == ("nhefs", "person")


def test_the_sample_is_written_with_its_truth(run, tmp_path: Path):
    result = run("sample", str(tmp_path / "s"))
    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / "s").iterdir()} == {
        "hcps.csv", "hcp_monthly.csv", "patients.csv", "territories.csv", "truth.json",
    }  # fmt: skip
    assert "truth.json" in result.output
