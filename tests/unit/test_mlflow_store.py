"""Where MLflow keeps its log: addresses, tokens, and stores that do not answer."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import psycopg
import pytest
from e2i_shared import mlflow_store, settings
from e2i_shared.http.logged import why
from e2i_shared.wiring import EnvironmentWiring
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url


@pytest.mark.parametrize(
    "uri", ["sqlite:////data/mlflow.db", "http://mlflow.example.com:5000", "mysql+pymysql://u@h/d", "/data/mlruns"]
)
def test_any_other_address_is_taken_as_it_is(uri: str):
    assert mlflow_store.address(uri, lambda _: "token") == uri


@pytest.mark.parametrize("scheme", sorted(mlflow_store.POSTGRES))
def test_postgres_is_reached_by_the_driver_that_is_installed(scheme: str):
    made = mlflow_store.address(f"{scheme}://e2i_mlflow:pw@db:5432/e2i?sslmode=require")
    assert made == "postgresql+psycopg://e2i_mlflow:pw@db:5432/e2i?sslmode=require"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300))
def test_a_token_is_the_password_whatever_it_holds(token: str):
    asked: list[str] = []

    def make(conninfo: str) -> str:
        asked.append(conninfo)
        return token

    made = make_url(mlflow_store.address("postgresql://e2i_mlflow@db.example.com:5432/e2i?sslmode=require", make))

    assert (made.username, made.password, made.host, made.port, made.database) == (
        "e2i_mlflow",
        token,
        "db.example.com",
        5432,
        "e2i",
    )
    assert asked == ["postgresql://e2i_mlflow@db.example.com:5432/e2i?sslmode=require"]


def test_a_token_takes_the_place_of_a_password():
    made = urlsplit(mlflow_store.address("postgresql://u:old@db/e2i", lambda _: "new"))
    assert (made.username, made.password) == ("u", "new")


def test_with_iam_each_training_logs_with_a_fresh_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2I_DATABASE_URL", "host=db user=e2i_app")
    monkeypatch.setenv("E2I_MLFLOW_URI", "postgresql://e2i_mlflow@db:5432/e2i")
    monkeypatch.setenv("E2I_MLFLOW_IAM", "true")
    tokens = iter(["one", "two"])
    monkeypatch.setattr("e2i_shared.aws.database_token", lambda _: next(tokens))
    settings.read.cache_clear()
    try:
        logs = [EnvironmentWiring().experiment_log() for _ in range(2)]
    finally:
        settings.read.cache_clear()
    assert [urlsplit(log.uri).password for log in logs] == ["one", "two"]


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("postgresql+psycopg://e2i_mlflow:secret@127.0.0.1:1/e2i", psycopg.OperationalError),
        ("http://127.0.0.1:1", OSError),
    ],
)
@pytest.mark.enable_socket
def test_a_store_that_does_not_answer_is_told_in_seconds(uri: str, kind: type[Exception]):
    started = time.monotonic()
    with pytest.raises(kind):
        mlflow_store.reach(uri)
    assert time.monotonic() - started < mlflow_store.CONNECT_SECONDS + 2


@pytest.mark.parametrize("uri", ["sqlite:////nowhere/mlflow.db", "/data/mlruns"])
def test_a_file_needs_no_reaching(uri: str):
    mlflow_store.reach(uri)


@pytest.mark.parametrize("password", ["secret", "a%2Fb%3Fc", "x:y"])
def test_a_reason_never_tells_a_password(password: str):
    told = why(ValueError(f"cannot open postgresql+psycopg://e2i_mlflow:{password}@db:5432/e2i for writing"))
    assert password not in told
    assert "postgresql+psycopg://db:5432/e2i" in told


def test_a_database_s_connections_do_not_outlive_their_token(monkeypatch: pytest.MonkeyPatch):
    for name in ("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", *mlflow_store.PATIENCE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    mlflow_store.be_impatient("sqlite:///x.db")
    assert "MLFLOW_SQLALCHEMYSTORE_POOLCLASS" not in mlflow_store.os.environ
    mlflow_store.be_impatient("postgresql://db/e2i")
    assert mlflow_store.os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] == "NullPool"
    assert mlflow_store.os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"
