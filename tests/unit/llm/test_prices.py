"""Costs by kind of token, unknown models, and models about to be withdrawn."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from e2i_shared.errors import ConfigurationError
from e2i_shared.llm.model import Usage
from e2i_shared.llm.prices import price_table

TABLE = {
    "version": "t1",
    "note": "",
    "models": {
        "m": {
            "provider": "p", "input": 2, "cache_read": 0.2, "cache_write_short": 2.5, "cache_write_long": 4, "output": 10,
            "end_of_life": "2027-01-31",
        }
    },
}  # fmt: skip


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(TABLE), encoding="utf-8")
    return price_table(str(path))


def test_each_kind_of_token_has_its_price(table):
    usage = Usage(
        fresh=1_000_000, out=100_000, cache_read=1_000_000, cache_write_short=1_000_000, cache_write_long=500_000
    )

    assert table.cost("m", usage) == pytest.approx(2 + 1 + 0.2 + 2.5 + 2)


def test_what_is_held_is_never_less_than_what_it_can_cost(table):
    text = "word " * 600  # at most one token for three characters
    usage = Usage(fresh=0, out=500, cache_write_long=len(text) // 3)

    assert table.most("m", len(text), 500) >= table.cost("m", usage)


def test_a_model_without_a_price_is_refused(table):
    with pytest.raises(ConfigurationError) as caught:
        table.cost("unheard-of", Usage(1, 1))

    assert caught.value.candidates == ("m",)


def test_models_near_their_end_are_named(table):
    assert table.retiring(date(2027, 1, 5)) == ["m"]
    assert table.retiring(date(2026, 12, 1)) == []


def test_the_shipped_table_is_whole_and_offers_no_model_about_to_be_withdrawn():
    table = price_table()

    assert {model.provider for model in table.models.values()} == {"anthropic", "openai"}
    assert table.retiring(datetime.now(UTC).date()) == []


@pytest.mark.parametrize(
    "text", ["not json", '{"version": "1"}', '{"version": "1", "note": "", "models": {"m": {"input": -1}}}']
)
def test_a_broken_table_is_a_configuration_error_that_names_the_setting(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        price_table(str(path))

    assert caught.value.field == "E2I_LLM_PRICES"
