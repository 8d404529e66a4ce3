"""Each function's settings come from the environment, whole or not at all."""

from __future__ import annotations

import pytest
from e2i_shared import settings
from e2i_shared.errors import ConfigurationError
from pydantic import ValidationError

from infra.functions import all_functions

ENVIRONMENT = {
    "E2I_STAGE": "staging",
    "E2I_DATABASE_URL": "host=db user=e2i_app",
    "E2I_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:compose",
    "E2I_EVENT_BUS": "e2i",
    "E2I_BUCKET": "objects",
    "E2I_TRAINING_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:train_twin",
}


def test_every_described_function_has_its_settings():
    assert {function.name for function in all_functions()} == set(settings.FUNCTIONS)


@pytest.mark.parametrize("name", settings.FUNCTIONS)
def test_the_variables_listed_as_required_are_enough(name: str):
    needed = {variable: ENVIRONMENT[variable] for variable in settings.variables(name)}
    assert settings.parse(settings.FUNCTIONS[name], needed).stage == "local"


@pytest.mark.parametrize("name", settings.FUNCTIONS)
def test_each_missing_variable_is_named(name: str):
    with pytest.raises(ConfigurationError) as refused:
        settings.parse(settings.FUNCTIONS[name], {})
    assert all(variable in refused.value.message for variable in settings.variables(name))


def test_a_value_of_the_wrong_kind_is_refused():
    with pytest.raises(ConfigurationError, match="E2I_STAGE"):
        settings.parse(settings.ClassifySettings, ENVIRONMENT | {"E2I_STAGE": "moon"})


def test_settings_cannot_be_changed():
    read = settings.parse(settings.ApiSettings, ENVIRONMENT)
    with pytest.raises(ValidationError, match="frozen"):
        read.stage = "prod"


def test_optional_variables_are_listed_on_request():
    assert "E2I_RATE_PER_SECOND" in settings.variables("classify", required=False)
    assert "E2I_RATE_PER_SECOND" not in settings.variables("classify")


def test_they_are_read_once(monkeypatch):
    settings.read.cache_clear()
    monkeypatch.setenv("E2I_STAGE", "dev")
    assert settings.read(settings.Settings).stage == "dev"
    monkeypatch.setenv("E2I_STAGE", "prod")
    assert settings.read(settings.Settings).stage == "dev"
    settings.read.cache_clear()
