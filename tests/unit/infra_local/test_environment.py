"""What a function finds in its environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from e2i_shared import settings
from e2i_shared.errors import ConfigurationError

from infra.functions import all_functions
from infra.local.datadir import open_data_dir
from infra.local.environment import Places, check, inherited

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places("http://127.0.0.1:8", open_data_dir(tmp_path), "dbname=e2i user=e2i_app", "KEY", "SECRET")


def test_every_function_has_every_setting_it_needs(places: Places):
    for description in all_functions():
        environment = places.of(description)
        if description.name in settings.FUNCTIONS:
            assert settings.parse(settings.FUNCTIONS[description.name], environment).stage == "local"


def test_the_users_aws_account_stays_out(places: Places, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")

    environment = inherited() | places.shared()

    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "KEY"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8/_aws"


def test_what_the_user_sets_for_others_passes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("FAILPOINT", "after_commit:raise")

    environment = inherited()

    assert environment["ANTHROPIC_API_KEY"] == "k"
    assert environment["FAILPOINT"] == "after_commit:raise"


def test_numeric_libraries_get_one_thread_so_that_forking_is_safe():
    assert {inherited()[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS", "MKL")} == {"1"}


def test_each_function_knows_its_name_and_memory(places: Places):
    for description in all_functions():
        own = places.of(description)
        assert own["AWS_LAMBDA_FUNCTION_NAME"] == own["POWERTOOLS_SERVICE_NAME"] == description.name
        assert own["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == str(description.memory_mb)


def test_a_users_keys_for_language_models_are_passed_under_our_names_unless_ours_are_set(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-the-user")
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-user")
    monkeypatch.setenv("E2I_OPENAI_API_KEY", "ours")

    environment = inherited()

    assert environment["E2I_ANTHROPIC_API_KEY"] == "from-the-user"
    assert environment["E2I_OPENAI_API_KEY"] == "ours"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"E2I_LLM_PROVIDERS": "anthropic"}, "ANTHROPIC_API_KEY is not set"),
        ({"E2I_LLM_EMBEDDINGS": "openai"}, "E2I_LLM_EMBEDDINGS names openai"),
        ({"E2I_LLM_PROVIDERS": "nobody"}, "E2I_LLM_PROVIDERS"),
        ({"E2I_MIN_CONFIDENCE": "high"}, "E2I_MIN_CONFIDENCE"),
        ({"E2I_VOCABULARY": "/no/such.yaml"}, "/no/such.yaml"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
):
    for name in [name for name in os.environ if name.startswith("E2I_") or name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    data = open_data_dir(tmp_path / "d")
    functions = [each for each in all_functions() if not each.runs_on_deploy]
    check(functions, data)

    for name, value in given.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=said):
        check(functions, data)


def test_a_provider_with_its_key_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("E2I_LLM_PROVIDERS", "anthropic")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")

    check([each for each in all_functions() if not each.runs_on_deploy], open_data_dir(tmp_path / "d"))
