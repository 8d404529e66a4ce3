"""The wiring that reads the environment: built when needed, kept, and refused when something is missing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from e2i_shared import bootstrap, settings, wiring
from e2i_shared.aws import BucketObjects, EventBridge, StepFunctions
from e2i_shared.errors import ConfigurationError
from e2i_shared.objects import FolderObjects
from e2i_shared.wiring import EnvironmentWiring, LazyData, LazyRows

if TYPE_CHECKING:
    from collections.abc import Iterator

TENANT = "00000000-0000-7000-8000-000000000001"
ENVIRONMENT = {
    "E2I_DATABASE_URL": "host=127.0.0.1 port=1 user=e2i_app dbname=e2i connect_timeout=1",
    "E2I_STATE_MACHINE_ARN": "arn:machine",
    "E2I_EVENT_BUS": "bus",
    "E2I_BUCKET": "bucket",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings.read.cache_clear()
    yield
    settings.read.cache_clear()


def test_a_tenants_repositories_are_built_without_touching_the_database():
    made = EnvironmentWiring()
    tenant = made.tenant(TENANT)
    assert tenant.tenant_id == TENANT
    assert made.tenant(TENANT) is tenant


def test_two_tenants_never_share_a_repository():
    made = EnvironmentWiring()
    one, other = made.tenant(TENANT), made.tenant(TENANT[:-1] + "2")
    assert one.compositions is not other.compositions
    assert one.data is not other.data


def test_what_lies_outside_is_named_by_the_settings():
    made = EnvironmentWiring()
    assert made.workflows() == StepFunctions("arn:machine")
    assert made.events() == EventBridge("bus")
    assert made.objects() == BucketObjects("bucket")


def test_a_folder_with_its_address_and_secret_comes_before_the_bucket(monkeypatch, tmp_path):
    monkeypatch.setenv("E2I_OBJECT_ROOT", str(tmp_path))
    monkeypatch.setenv("E2I_OBJECT_URL", "http://127.0.0.1:1/_objects")
    monkeypatch.setenv("E2I_OBJECT_SECRET", "s")
    assert EnvironmentWiring().objects() == FolderObjects(tmp_path, "http://127.0.0.1:1/_objects", "s")


def test_no_object_store_at_all_is_refused(monkeypatch):
    monkeypatch.delenv("E2I_BUCKET")
    with pytest.raises(ConfigurationError, match="no object store"):
        EnvironmentWiring().objects()


def test_a_database_that_is_away_is_told_by_the_probe():
    (state,) = EnvironmentWiring().probe()
    assert (state.name, state.ok) == ("database", False)
    assert "127.0.0.1" not in (state.detail or "")


def test_with_iam_the_database_is_opened_anew_before_its_token_expires(monkeypatch):
    monkeypatch.setenv("E2I_DATABASE_IAM", "true")
    monkeypatch.setattr("e2i_shared.aws.database_token", lambda _conninfo: f"token-{len(tokens)}")
    tokens: list[object] = []
    made = EnvironmentWiring()
    tokens.append(made.database())
    assert made.database() is tokens[0]
    kept = made.tenant(TENANT)

    made._token_until = time.monotonic() - 1
    assert made.database() is not tokens[0]
    assert made.tenant(TENANT) is not kept
    assert wiring.IAM_TOKEN_SECONDS < 900


def test_without_iam_the_database_is_kept_for_good():
    made = EnvironmentWiring()
    first = made.database()
    assert made._token_until == float("inf")
    assert made.database() is first


def test_data_and_rows_are_built_on_first_use_and_data_only_once():
    built = []

    class Source:
        def __init__(self) -> None:
            built.append("data")

        def describe(self, dataset: str) -> str:
            return f"described {dataset}"

        def read(self, dataset: str, columns: list[str], filters: tuple[str, ...]) -> str:
            return f"read {dataset} {columns} {filters}"

        def begin(self, name: str) -> str:
            return f"began {name}"

    data = LazyData(Source)
    assert built == []
    assert data.describe("trial") == "described trial"
    assert data.read("trial", ["x"]) == "read trial ['x'] ()"
    assert built == ["data"]
    assert LazyRows(Source).begin("trial") == "began trial"


def test_the_wiring_of_a_block_is_gone_after_it():
    from world import FakeWiring

    outer, inner = FakeWiring(), FakeWiring()
    with bootstrap.wired(outer):
        with bootstrap.wired(inner):
            assert bootstrap.workflows() is inner.started
        assert bootstrap.workflows() is outer.started


def test_without_any_block_the_environment_is_read():
    before = list(bootstrap._in_use)
    bootstrap._in_use.clear()
    try:
        assert bootstrap.events() == EventBridge("bus")
        assert bootstrap.workflows() == StepFunctions("arn:machine")
    finally:
        bootstrap._in_use[:] = before


def test_no_language_model_is_asked_unless_its_provider_is_named(monkeypatch):
    monkeypatch.setenv("E2I_ANTHROPIC_API_KEY", "k")

    assert EnvironmentWiring().language_models(TENANT) is None


def test_providers_are_asked_in_the_order_they_are_named(monkeypatch):
    monkeypatch.setenv("E2I_LLM_PROVIDERS", "openai,anthropic")
    monkeypatch.setenv("E2I_ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("E2I_OPENAI_API_KEY", "k")

    gateway = EnvironmentWiring().language_models(TENANT)

    assert [provider.name for provider in gateway.providers] == ["openai", "anthropic"]


def test_questions_are_embedded_by_openai_only_where_that_is_said(monkeypatch):
    monkeypatch.setenv("E2I_LLM_PROVIDERS", "openai")
    monkeypatch.setenv("E2I_OPENAI_API_KEY", "k")
    assert EnvironmentWiring().language_models(TENANT).embedder is None

    settings.read.cache_clear()
    monkeypatch.setenv("E2I_LLM_PROVIDERS", "")
    monkeypatch.setenv("E2I_LLM_EMBEDDINGS", "openai")
    gateway = EnvironmentWiring().language_models(TENANT)
    assert (gateway.providers, gateway.embedder.model) == ([], "text-embedding-3-small")


def test_an_embedding_model_without_a_key_is_a_configuration_error(monkeypatch):
    monkeypatch.setenv("E2I_LLM_EMBEDDINGS", "openai")

    with pytest.raises(ConfigurationError, match="there is no key"):
        EnvironmentWiring().language_models(TENANT)


def test_a_provider_without_a_key_is_a_configuration_error_that_names_the_variable(monkeypatch):
    monkeypatch.setenv("E2I_LLM_PROVIDERS", "anthropic")

    with pytest.raises(ConfigurationError) as caught:
        EnvironmentWiring().language_models(TENANT)

    assert caught.value.field == "E2I_ANTHROPIC_API_KEY"
