"""Finding terms and KPIs in a reader's words."""

from __future__ import annotations

import pytest
from e2i_shared.tools import _glossary
from e2i_shared.tools._kpis import kpis
from e2i_shared.tools._registry import catalogue

TERMS = list(_glossary.glossary().values())
NAMES = [pytest.param(term.term, name, id=name) for term in TERMS for name in (term.title, *term.synonyms)]


def keys(found):
    return [each.key for each in found if each.kind == "term"]


@pytest.mark.parametrize(("term", "name"), NAMES)
def test_each_name_of_a_term_finds_it_alone_and_in_a_question(term, name):
    assert keys(_glossary.look_up(name)) == [term]
    assert not _glossary.look_up(name)[0].fuzzy
    assert keys(_glossary.asked_for(f"What does {name} mean?")) == [term]
    assert keys(_glossary.look_up(f"{name.upper()} ?")) == [term]


@pytest.mark.parametrize("name", sorted(kpis()))
def test_each_kpi_is_found_by_its_name_and_title(name):
    for phrase in (name, kpis()[name].title):
        assert name in [each.key for each in _glossary.look_up(phrase, ("kpi",))]


@pytest.mark.parametrize(
    ("misspelled", "term"),
    [
        ("propensity scroe", "propensity_score"),
        ("counterfactul", "counterfactual"),
        ("heterogenity", "cate"),
        ("calibraton", "calibration"),
        ("persistance", "persistence"),
        ("difference in diferences", "did"),
        ("confounders'", "confounder"),
    ],
)
def test_a_near_spelling_is_found(misspelled, term):
    assert keys(_glossary.look_up(misspelled)) == [term]


@pytest.mark.parametrize("phrase", ["", "?", "x", "zebra", "quarterly town hall", "ab", "!!!", "年"])
def test_what_is_near_nothing_is_not_found(phrase):
    assert _glossary.look_up(phrase) == []
    assert _glossary.mentioned(phrase) == []


def test_short_words_are_never_taken_for_typing_errors():
    assert _glossary.look_up("atx") == []
    assert _glossary.look_up("ksi") == []


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Is the ATE of 1.7 explained by hidden confounding?", ["ate", "unmeasured_confounding"]),
        ("compare the E-values with the robustness value", ["e_value", "robustness_value"]),
        ("our interim look crossed the stopping boundary", ["group_sequential"]),
        ("the average treatment effect on the treated", ["att"]),
        ("PDC and MPR are both low", ["pdc", "mpr"]),
        ("the late results had an effect on sales", []),
    ],
)
def test_a_sentence_names_its_terms_in_order_the_longest_first(text, terms):
    assert keys(_glossary.mentioned(text)) == terms


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("what is power?", "power"),
        ("Explain churn", "discontinuation"),
        ("define reach", "reach"),
        ("What's the meaning of drift?", "psi"),
        ("please explain the overlap in plain English", "overlap"),
        ("what are twins", "digital_twin"),
        ("What does PSI stand for?", "psi"),
    ],
)
def test_an_everyday_word_that_is_asked_for_is_a_term(text, term):
    assert keys(_glossary.asked_for(text)) == [term]


def test_candidates_are_titles_without_doubles():
    found = _glossary.candidates("confidance intervall bounds")

    assert found[0] == "Confidence interval"
    assert len(found) == len(set(found)) <= 5


def test_a_name_of_both_kinds_gives_the_term_first():
    assert [each.kind for each in _glossary.look_up("market share")] == ["term", "kpi"]
    assert [each.kind for each in _glossary.look_up("market share", ("kpi",))] == ["kpi"]
    assert {_glossary.title_of(each) for each in _glossary.look_up("market share")} == {
        "Market share",
        "Share of the prescriptions of all brands in the data set",
    }


def test_the_fields_it_explains_are_outputs_of_tools():
    """A renamed output would leave its term unexplained; simulations and trainings have outputs of their own."""
    outputs = {name for tool in catalogue().values() for name in tool.result.model_fields}
    elsewhere = {"fidelity_score", "confounders", "icc", "alpha", "confidence_interval"}

    assert set(_glossary.term_of_field()) - outputs <= elsewhere
