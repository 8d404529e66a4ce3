from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Domain
from e2i_shared.classifier.compile import compiled
from e2i_shared.classifier.vocabulary import COMPILED, SETTING, SOURCE, Phrases, build, vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_longest_phrase_wins_and_nothing_overlaps():
    phrases = Phrases[str]()
    phrases.add("market share", "share of market")
    phrases.add("share", "share")

    assert list(phrases.find(["market", "share", "share"])) == [(0, 2, ["share of market"]), (2, 3, ["share"])]


def test_case_plural_hyphens_and_underscores_do_not_matter():
    phrases = Phrases[str]()
    phrases.add("Rep_Visits", "visits")

    assert list(phrases.find(["rep", "visit"])) == [(0, 2, ["visits"])]


def test_one_phrase_may_stand_for_several_things():
    phrases = Phrases[str]()
    phrases.add("south", "a")
    phrases.add("South", "b")
    phrases.add("south", "a")

    assert list(phrases.find(["south"])) == [(0, 1, ["a", "b"])]


def test_a_star_stands_for_any_ending():
    phrases = Phrases[str]()
    phrases.add("drift*", "drift")

    assert [match[2] for match in phrases.find(["drifting", "adrift", "drift"])] == [["drift"], ["drift"]]


def test_an_empty_phrase_is_no_phrase():
    phrases = Phrases[str]()
    phrases.add("?!", "nothing")

    assert list(phrases.find([""])) == []


def test_the_file_knows_every_domain_by_cues_and_by_hints():
    words_of = vocabulary()
    named = {target for _, targets in words_of.domain_cues.items() for target in targets}

    assert {domain.value for domain in Domain} <= named
    assert {domain.value for domain in Domain} <= {
        target for _, targets in words_of.domain_hints.items() for target in targets
    }


def test_the_file_covers_the_entity_kinds_of_the_product():
    kinds = {kind for kind, _ in vocabulary().canonical}

    assert kinds == {"hcp", "patient", "territory", "region", "segment", "specialty", "brand", "kpi", "treatment"}


def test_a_name_stands_for_itself_and_for_what_people_write_for_it():
    entities = {" ".join(key): targets[0].canonical for key, targets in vocabulary().entities.items()}

    assert entities["kisqali"] == "Kisqali"
    assert entities["ribociclib"] == "Kisqali"
    assert entities["oncologist"] == "Oncology"


def test_an_edited_file_is_read_as_written():
    edited = {
        "entities": {"brand": {"Newdrug": ["nd1"]}},
        "domain_cues": {"CAUSAL": ["why*"]},
        "domain_hints": {"KPI": ["show"]},
        "cues": {"conditional": ["if"]},
        "question_words": ["what"],
        "asking_verbs": ["show"],
        "foreign": ["le"],
    }

    words_of = build(edited)

    assert next(words_of.entities.find(["nd1"]))[2][0].canonical == "Newdrug"
    assert words_of.question_words == {"what"}


def test_the_compiled_vocabulary_is_that_of_the_yaml_file():
    folder = files("e2i_shared.classifier")
    text = (folder / SOURCE).read_text(encoding="utf-8")

    assert compiled(text) == (folder / COMPILED).read_text(encoding="utf-8"), (
        "run python -m e2i_shared.classifier.compile"
    )


def test_a_vocabulary_of_ones_own_is_read_from_where_the_setting_points(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    text = (files("e2i_shared.classifier") / SOURCE).read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("Kisqali: [", "Kisqali: [kisquantum, "), encoding="utf-8")
    monkeypatch.setenv(SETTING, str(own))

    read = vocabulary.__wrapped__()

    assert [terms[0].canonical for _, _, terms in read.entities.find(["kisquantum"])] == ["Kisqali"]
    assert not list(vocabulary().entities.find(["kisquantum"]))


def test_words_of_one_sense_stand_together():
    found = {
        name
        for stem in ("plummeted", "tanked", "slid")
        for _, _, names in vocabulary().concepts.find([stem])
        for name in names
    }

    assert found == {"DOWN"}
