"""What a function finds in its environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from e2i_shared import settings

from infra.functions import all_functions
from infra.local.datadir import open_data_dir
from infra.local.environment import Places, inherited

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
