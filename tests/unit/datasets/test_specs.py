from __future__ import annotations

from importlib.resources import files

import pytest
from e2i_shared.api.datasets import ColumnRole
from e2i_shared.datasets.examples import EXAMPLES, load_example
from e2i_shared.datasets.specs import DatasetSpec, shipped
from e2i_shared.errors import NotFoundError
from pydantic import ValidationError

NAMES = sorted(f.name.removesuffix(".yaml") for f in files("e2i_shared.datasets").joinpath("examples").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_each_shipped_description_is_valid_and_carries_its_name(name):
    spec = shipped(name)

    assert spec.name == name
    assert spec.unit
    assert spec.description
    names = [column.name for column in spec.columns]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_a_synonym_belongs_to_one_column_of_its_data_set(name):
    holders: dict[str, set[str]] = {}
    for column in shipped(name).columns:
        for spoken in (column.name, *(column.synonyms or [])):
            holders.setdefault(spoken.lower(), set()).add(column.name)

    assert {spoken: names for spoken, names in holders.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", ["hcp_monthly", "patients", "nhefs", "nsw"])
def test_what_can_be_estimated_has_a_treatment_an_outcome_and_covariates(name):
    roles = {column.role for column in shipped(name).columns}

    assert {ColumnRole.TREATMENT, ColumnRole.OUTCOME, ColumnRole.COVARIATE} <= roles


def test_an_unknown_description_is_refused_with_the_names_there_are():
    with pytest.raises(NotFoundError) as caught:
        shipped("lalonde")

    assert "nsw" in caught.value.candidates


def test_a_description_refuses_unknown_fields():
    with pytest.raises(ValidationError):
        DatasetSpec.model_validate({"name": "x", "colums": []})


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_has_its_description_and_its_rows(name):
    spec, source = load_example(name)
    header = source.head(10_000).split(b"\n")[0].decode().split(",")

    assert spec.name == name
    assert {column.name for column in spec.columns} <= set(header)
    assert spec.ignore_other_columns or len(header) == len(spec.columns)


def test_an_unknown_example_is_refused_with_the_names_there_are():
    with pytest.raises(NotFoundError) as caught:
        load_example("titanic")

    assert caught.value.candidates == ("nhefs", "nsw")
