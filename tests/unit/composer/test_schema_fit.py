from __future__ import annotations

from typing import Any, Literal

import pytest
from e2i_shared.composer.schema_fit import fits, schema_at
from pydantic import BaseModel, ConfigDict


class Inner(BaseModel):
    effect: float
    n: int


class Row(BaseModel):
    segment: str
    inner: Inner


class Output(BaseModel):
    ate: float
    count: int
    maybe: float | None
    kind: Literal["dose", "binary"]
    rows: list[Row]
    by_name: dict[str, Inner]
    anything: dict[str, Any]
    either: float | str


SCHEMA = Output.model_json_schema()


def at(path):
    return schema_at(SCHEMA, path)


class TestSchemaAt:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("ate", "number"),
            ("count", "integer"),
            ("maybe", "number"),
            ("rows", "array"),
            ("rows[0].segment", "string"),
            ("rows[0].inner.effect", "number"),
            ("rows[*].segment", "array"),
            ("by_name", "object"),
            ("by_name.Oncology.effect", "number"),
        ],
    )
    def test_fields_indices_and_projections_are_followed(self, path, kind):
        assert at(path)["type"] == kind

    def test_the_whole_is_the_schema_itself(self):
        assert at("@")["properties"].keys() == SCHEMA["properties"].keys()

    @pytest.mark.parametrize(
        "path",
        ["missing", "ate.deeper", "rows.segment", "rows[0].missing", "ate[0]", "[", "rows[*].missing", "by_name[*]"],
    )
    def test_what_selects_nothing_is_none(self, path):
        assert at(path) is None

    @pytest.mark.parametrize("path", ["length(rows)", "rows[?segment=='A']", "[ate, count]", "ate || count"])
    def test_what_cannot_be_told_is_none(self, path):
        assert at(path) is None

    def test_anything_below_a_free_mapping_is_free(self):
        assert at("anything.whatever") == {"$defs": SCHEMA["$defs"]}


def field(annotation):
    class Consumer(BaseModel):
        model_config = ConfigDict(extra="forbid")
        x: annotation

    schema = Consumer.model_json_schema()
    return {**schema["properties"]["x"], "$defs": schema.get("$defs", {})}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    effect: float


class Lax(BaseModel):
    model_config = ConfigDict(extra="ignore")
    effect: float


class Wanting(BaseModel):
    effect: float
    more: str


class TestFits:
    @pytest.mark.parametrize(
        ("path", "wanted"),
        [
            ("ate", float),
            ("count", float),
            ("count", int),
            ("maybe", float | None),
            ("maybe", float),
            ("ate", float | dict[str, Lax] | None),
            ("by_name", float | dict[str, Lax] | None),
            ("by_name", dict[str, Any]),
            ("kind", str),
            ("kind", Literal["dose", "binary", "other"]),
            ("rows", list[Row]),
            ("rows[*].segment", list[str]),
            ("@", dict[str, Any]),
            ("rows[0].inner", Lax),
            ("either", float | str),
            ("ate", Any),
        ],
    )
    def test_what_the_consumer_accepts_fits(self, path, wanted):
        assert fits(at(path), field(wanted))

    @pytest.mark.parametrize(
        ("path", "wanted"),
        [
            ("ate", int),
            ("ate", str),
            ("ate", list[float]),
            ("rows", float),
            ("kind", Literal["dose"]),
            ("ate", Literal["dose"]),
            ("rows[*].segment", list[float]),
            ("rows[0].inner", Strict),
            ("rows[0].inner", Wanting),
            ("by_name", dict[str, str]),
            ("by_name", dict[str, Wanting]),
            ("either", float),
            ("ate", float and str),
            ("@", Wanting),
        ],
    )
    def test_what_the_consumer_would_refuse_does_not_fit(self, path, wanted):
        assert not fits(at(path), field(wanted))

    def test_recursive_models_are_cut_off(self):
        class Node(BaseModel):
            children: list[Node]

        schema = {**Node.model_json_schema()}
        assert fits(schema, schema)


def test_the_shipped_edges_fit_their_consumers():
    from builders_composer import catalogue

    tools = catalogue()
    edges = [
        ("causal_effect_estimator", "ate", "power_calculator", "effect_size"),
        ("causal_effect_estimator", "outcome_sd", "power_calculator", "sd"),
        ("cate_analyzer", "@", "segment_ranker", "cate_result"),
        ("causal_effect_estimator", "@", "cate_analyzer", "causal_result"),
    ]
    for producer, path, consumer, name in edges:
        wanted = tools[consumer].params.model_json_schema()
        made = schema_at(tools[producer].result.model_json_schema(), path)
        assert fits(made, {**wanted["properties"][name], "$defs": wanted.get("$defs", {})}), (producer, path, consumer)
