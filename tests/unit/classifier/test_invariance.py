"""What must not change a route: manners, spelling, names, layout."""

from __future__ import annotations

import random

import pytest
from builders_classifier import ask, edges, parts
from e2i_shared.classifier.clarification import rephrase
from e2i_shared.classifier.weights import weights

QUESTIONS = [
    "Why did Kisqali TRx drop in Q3?",
    "Which specialties respond most to rep visits?",
    "Which territories are furthest below benchmark on TRx?",
    "How many HCPs per arm do we need to detect a lift of 10%?",
    "Forecast Kisqali TRx for the next two quarters",
    "Has the distribution of rep visits drifted since July?",
    "Show Kisqali TRx by region for the last two quarters",
    "Build a cohort of Medicare patients over 65 with two or more comorbidities",
    "Explain what a confidence interval means in plain English",
    "Did rep visits raise Kisqali TRx, and which specialties responded most?",
    "Find the low responders to samples, then simulate 20% more calls for them.",
]


def route(query: str) -> tuple[str, list[str], set[tuple[str, str, str]]]:
    found = ask(query)
    return found.routing_pattern.value, parts(found), edges(found)


@pytest.mark.parametrize("query", QUESTIONS)
@pytest.mark.parametrize(
    "shape", [str.upper, str.lower, lambda q: q.rstrip("?."), lambda q: f"  {q}  \n", lambda q: q + "??"]
)
def test_case_spaces_and_final_marks_do_not_change_a_route(query: str, shape):
    assert route(shape(query)) == route(query)


@pytest.mark.parametrize("query", QUESTIONS)
@pytest.mark.parametrize("opening", ["please ", "Hi, ", "Hey team - "])
def test_manners_do_not_change_a_route(query: str, opening: str):
    assert route(opening + query[0].lower() + query[1:]) == route(query)


@pytest.mark.parametrize("query", [query for query in QUESTIONS if "Kisqali" in query])
@pytest.mark.parametrize("brand", ["Fabhalta", "Remibrutinib", "remi", "ribociclib"])
def test_the_brand_does_not_change_a_route(query: str, brand: str):
    assert route(query.replace("Kisqali", brand)) == route(query)


@pytest.mark.parametrize("query", [query for query in QUESTIONS if "Kisqali" in query])
def test_a_brand_that_nobody_knows_does_not_change_a_route(query: str):
    assert route(query.replace("Kisqali", "Zyvantra")) == route(query)


@pytest.mark.parametrize("query", QUESTIONS)
def test_invisible_characters_do_not_change_a_route(query: str):
    middle = len(query) // 2

    assert route(query[:middle] + "\u200b" + query[middle:]) == route(query)


@pytest.mark.parametrize("query", QUESTIONS)
def test_typographic_quotes_and_emoji_do_not_change_a_route(query: str):
    assert route(f"{query} 🙏") == route(query)


def swap(word: str, chance: random.Random) -> str:
    """Return the word with two inner neighbours swapped."""
    at = chance.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def test_a_misspelt_name_rarely_changes_a_route():
    chance, kept, tried = random.Random(7), 0, 0  # noqa: S311 - reproducible, nothing secret
    for query in QUESTIONS:
        names = [word for word in query.split() if len(word) > 5 and word.isalpha() and word.lower() in weights().known]
        for name in names:
            tried += 1
            kept += route(query.replace(name, swap(name, chance), 1))[:2] == route(query)[:2]

    assert kept / tried >= 0.8


@pytest.mark.parametrize("query", QUESTIONS)
def test_asking_twice_gives_the_same_answer(query: str):
    assert route(query) == route(query)


@pytest.mark.parametrize("query", QUESTIONS)
def test_what_came_before_does_not_change_a_full_question(query: str):
    found = ask(query, "What does PSI measure?")

    assert (found.routing_pattern.value, parts(found)) == route(query)[:2]


def test_rephrasings_name_the_things_of_the_query_in_its_own_words():
    assert rephrase(ask("fabhalta, nurse support, midwest").features.entities) == [
        "What was fabhalta TRx in the midwest last quarter?",
        "Did nurse support raise fabhalta TRx in the midwest?",
        "Which specialties respond most to nurse support for fabhalta?",
    ]
