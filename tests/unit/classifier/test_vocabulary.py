from __future__ import annotations

from e2i_shared.api.classification import Domain
from e2i_shared.classifier.vocabulary import Phrases, build, vocabulary


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
