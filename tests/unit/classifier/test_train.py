from __future__ import annotations

from pathlib import Path

import pytest
from e2i_shared.classifier import train as training
from e2i_shared.classifier.corpus import load
from e2i_shared.classifier.practice import Practice
from e2i_shared.classifier.weights import from_bytes, weights

ROWS = load(Path("tests/data/classifier/corpus.jsonl"))
SOME = [row for row in ROWS if not row.is_test][::9]


@pytest.fixture(scope="module")
def lists():
    return training.word_lists(SOME)


@pytest.mark.parametrize("name", ["boundary", "domain", "link"])
def test_plain_python_says_what_scikit_learn_says_of_every_example(name: str, lists):
    examples = {
        "boundary": lambda: training.boundary_examples(SOME, lists),
        "domain": lambda: training.domain_examples(SOME, lists, training.primary_domains(ROWS)),
        "link": lambda: training.link_examples([row for row in ROWS if len(row.spans) > 1][::3], lists),
    }[name]()
    vectorizer, model = training.fit_sklearn(examples, 3.0)
    plain = training.export(vectorizer.get_feature_names_out(), model)

    theirs = model.predict(vectorizer.transform([features for features, _ in examples]))
    ours = [max(said, key=lambda label: said[label]) for said in (plain.probabilities(f) for f, _ in examples)]

    assert ours == theirs.tolist()


def test_probabilities_agree_with_scikit_learn_to_the_third_place(lists):
    examples = training.domain_examples(SOME, lists, {})
    vectorizer, model = training.fit_sklearn(examples, 3.0)
    plain = training.export(vectorizer.get_feature_names_out(), model)

    theirs = model.predict_proba(vectorizer.transform([features for features, _ in examples[:50]]))

    for (features, _), expected in zip(examples[:50], theirs, strict=True):
        assert list(plain.probabilities(features).values()) == pytest.approx(expected.tolist(), abs=2e-3)


def test_words_of_one_idea_only_may_be_misspellings(lists):
    assert "kisqali" in lists.known
    assert "why" in lists.familiar
    assert lists.familiar <= lists.known


def test_folds_never_share_an_idea():
    for train, held in training.folds(SOME):
        assert not {row.idea for row in train} & {row.idea for row in held}


def test_every_row_is_held_out_once():
    held = [row for _, test in training.folds(SOME) for row in test]

    assert sorted(row.query for row in held) == sorted(row.query for row in SOME)


def test_a_model_that_is_worse_in_either_figure_is_not_adopted():
    before = {"pattern_accuracy": 0.9, "primary_domain_accuracy": 0.9}

    assert training.not_worse(before, before)
    assert training.not_worse(before, {})
    assert not training.not_worse(before | {"primary_domain_accuracy": 0.89}, before)


def test_the_shipped_weights_are_read_as_they_were_written():
    shipped = weights()

    assert from_bytes(shipped.to_bytes()).domain == shipped.domain
    assert from_bytes(shipped.to_bytes()).version == shipped.version


def test_the_shipped_weights_say_how_good_their_training_was():
    assert set(weights().measured) == {"pattern_accuracy", "primary_domain_accuracy"}
    assert weights().measured["pattern_accuracy"] >= 0.9
    assert weights().measured["primary_domain_accuracy"] >= 0.85


def test_the_shipped_weights_are_small():
    assert len(weights().to_bytes()) < 1_500_000


@pytest.mark.statistical
def test_training_adopts_a_better_model_and_refuses_a_worse_one(tmp_path: Path):
    templates, target = Path("tests/data/classifier/templates.yaml"), tmp_path / "weights.json.gz"
    small = tmp_path / "small.jsonl"
    lines = Path("tests/data/classifier/corpus.jsonl").read_text(encoding="utf-8").splitlines()
    small.write_text("\n".join(lines[::6]), encoding="utf-8")
    arguments = ["--corpus", str(small), "--practice", str(templates), "--weights", str(target)]

    assert training.main(arguments) == 0
    adopted = from_bytes(target.read_bytes())
    assert adopted.measured["pattern_accuracy"] > 0.7

    perfect = {"pattern_accuracy": 1.0, "primary_domain_accuracy": 1.0}
    target.write_bytes(training.replace(adopted, measured=perfect).to_bytes())
    assert training.main(arguments) == 1
    assert from_bytes(target.read_bytes()).measured == perfect


def test_practice_sentences_can_be_learned_from(lists):
    some = Practice(Path("tests/data/classifier/templates.yaml")).rows()[::40]

    assert training.boundary_examples(some, lists)
    assert {label for _, label in training.link_examples(some, lists)} > {"-"}
