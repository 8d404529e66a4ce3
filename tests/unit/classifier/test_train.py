from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from builders_classifier import ask
from e2i_shared.classifier import examples as making
from e2i_shared.classifier import fitting
from e2i_shared.classifier import train as training
from e2i_shared.classifier.corpus import load
from e2i_shared.classifier.linear import LinearModel
from e2i_shared.classifier.measure import judge
from e2i_shared.classifier.practice import Practice
from e2i_shared.classifier.weights import from_bytes, weights

CORPUS = Path("tests/data/classifier/corpus.jsonl")
ROWS = load(CORPUS)
WRONG = ask("hello")
SOME = [row for row in ROWS if not row.is_test][::20]


@pytest.fixture(scope="module")
def lists():
    return making.word_lists(SOME)


@pytest.mark.parametrize("name", ["boundary", "domain", "link"])
def test_plain_python_says_what_scikit_learn_says_of_every_example(name: str, lists):
    examples = {
        "boundary": lambda: making.boundary_examples(SOME, lists),
        "domain": lambda: making.domain_examples(SOME, lists, making.primary_domains(ROWS)),
        "link": lambda: making.link_examples([row for row in ROWS if len(row.spans) > 1][::10], lists),
    }[name]()
    vectorizer, model = fitting.fit_sklearn(examples, 3.0)
    plain = fitting.export(vectorizer.get_feature_names_out(), model)

    theirs = model.predict(vectorizer.transform([features for features, _ in examples]))
    ours = [max(said, key=lambda label: said[label]) for said in (plain.probabilities(f) for f, _ in examples)]

    assert ours == theirs.tolist()


def test_the_second_look_learns_from_what_the_first_leaves_open_with_the_labels_of_the_rows(lists):
    rows = [row for row in SOME if len(row.spans) > 1]
    never, unsure = (LinearModel(("0", "1"), (0.0, odds), {}) for odds in (-9.0, 0.0))

    found = making.second_examples(rows, lists, unsure, weights().domain)

    assert making.second_examples(rows, lists, never, weights().domain) == []
    assert {label for _, label in found} == {"0", "1"}
    assert sum(label == "1" for _, label in found) == sum(
        label == "1" for _, label in making.boundary_examples(rows, lists)
    )


def test_probabilities_agree_with_scikit_learn_to_the_third_place(lists):
    examples = making.domain_examples(SOME, lists, {})
    vectorizer, model = fitting.fit_sklearn(examples, 3.0)
    plain = fitting.export(vectorizer.get_feature_names_out(), model)

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


def test_a_model_that_is_worse_in_either_count_is_not_adopted():
    before = {"a": 3, "b": 1, "c": 2}

    assert training.not_worse(before, before)
    assert training.not_worse({"a": 3, "b": 3, "c": 2}, before)
    assert not training.not_worse({"a": 2, "b": 1, "c": 2}, before)
    assert not training.not_worse({"a": 1, "b": 1, "c": 2}, before)


def test_a_row_that_tips_over_is_outweighed_by_others_but_not_a_share_of_them():
    before = {str(at): 13 for at in range(1, 1000)} | {"0": 15}  # but for one, every primary domain is wrong

    fewer_patterns = {**before, **{str(at): 14 for at in range(1, 4)}, "4": 15}
    assert training.not_worse(fewer_patterns, before)
    assert not training.not_worse({**before, **{str(at): 14 for at in range(1, 7)}, "7": 15}, before)


def test_edges_and_false_certainty_count_once_both_models_were_marked_on_them():
    assert not training.not_worse({"a": 11}, {"a": 15})
    assert not training.not_worse({"a": 7}, {"a": 15})
    assert training.not_worse({"a": 3}, {"a": 3})


def test_models_are_compared_on_the_rows_that_both_were_tried_on():
    assert training.not_worse({"a": 3, "new": 0}, {"a": 3, "gone": 3})
    assert not training.not_worse({"a": 2, "new": 3}, {"a": 3, "gone": 0})
    assert training.not_worse({"new": 0}, {})


def small_files(folder: Path) -> list[str]:
    """Write a small corpus and few patterns, and return the arguments that train on them."""
    lines = Path("tests/data/classifier/corpus.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "rows.jsonl").write_text("\n".join(lines[::24]), encoding="utf-8")
    templates = yaml.safe_load(Path("tests/data/classifier/templates.yaml").read_text(encoding="utf-8"))
    templates["clauses"] = {name: patterns[:3] for name, patterns in templates["clauses"].items()}
    (folder / "templates.yaml").write_text(yaml.safe_dump(templates), encoding="utf-8")
    return ["--corpus", str(folder / "rows.jsonl"), "--practice", str(folder / "templates.yaml")]


def test_a_worse_model_leaves_the_weights_as_they_are_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "weights.json.gz"
    tested = [row for row in load(CORPUS) if row.is_test]
    target.write_bytes(training.replace(weights(), marks={training.key_of(row): 3 for row in tested}).to_bytes())
    before = target.read_bytes()
    monkeypatch.setattr(training, "train", lambda *_given: (weights(), None))
    monkeypatch.setattr(training, "judged", lambda rows, _weights: [judge(row, WRONG) for row in rows[:40]])

    code = training.main([*small_files(tmp_path), "--weights", str(target)])

    assert code == 1
    assert target.read_bytes() == before
    assert "not adopted" in capsys.readouterr().out


def test_a_model_that_is_no_worse_takes_the_place_of_the_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "weights.json.gz"
    target.write_bytes(training.replace(weights(), marks={}).to_bytes())
    monkeypatch.setattr(training, "train", lambda *_given: (weights(), None))

    code = training.main([*small_files(tmp_path), "--weights", str(target)])

    kept = from_bytes(target.read_bytes())
    assert code == 0
    assert set(kept.marks.values()) <= set(range(16))
    assert any(mark & 8 for mark in kept.marks.values())
    assert kept.measured["pattern_accuracy"] == pytest.approx(
        sum(mark & 1 for mark in kept.marks.values()) / len(kept.marks), abs=0.01
    )
    assert "adopted: weights.json.gz" in capsys.readouterr().out


def test_the_shipped_weights_are_read_as_they_were_written():
    shipped = weights()

    assert from_bytes(shipped.to_bytes()).domain == shipped.domain
    assert from_bytes(shipped.to_bytes()).version == shipped.version


def test_the_shipped_weights_say_how_good_their_training_was():
    assert set(weights().measured) == {"pattern_accuracy", "primary_domain_accuracy"}
    assert weights().measured["pattern_accuracy"] >= 0.8
    assert weights().measured["primary_domain_accuracy"] >= 0.8


def test_the_shipped_weights_are_small():
    assert len(weights().to_bytes()) < 1_500_000


@pytest.mark.statistical
def test_training_adopts_a_better_model_and_refuses_a_worse_one(tmp_path: Path):
    arguments = [*small_files(tmp_path), "--weights", str(tmp_path / "weights.json.gz")]

    assert training.main(arguments) == 0
    adopted = from_bytes((tmp_path / "weights.json.gz").read_bytes())
    assert adopted.measured["pattern_accuracy"] > 0.6

    perfect = dict.fromkeys(adopted.marks, 3)
    (tmp_path / "weights.json.gz").write_bytes(training.replace(adopted, marks=perfect).to_bytes())
    assert training.main(arguments) == 1
    assert from_bytes((tmp_path / "weights.json.gz").read_bytes()).marks == perfect


def test_practice_sentences_can_be_learned_from(lists):
    some = Practice(Path("tests/data/classifier/templates.yaml")).rows()[::40]

    assert making.boundary_examples(some, lists)
    assert making.link_examples(some, lists) == []  # of one part each


def test_blurred_clauses_keep_their_label_and_lose_names(lists):
    rows = [row for row in SOME if "Kisqali" in row.query]
    made = making.blurred(rows, lists, {})

    assert made
    assert not any("kisqali" in name for features, _ in made for name in features)
    assert {label for _, label in made} <= {label for _, label in making.domain_examples(rows, lists, {})}


def test_slim_weights_lose_only_what_never_counts():
    model = LinearModel(("a", "b"), (0.0, 0.0), {"much": (0.5, -0.777), "little": (0.01, -0.02)})

    assert fitting.slim(model, 0.05).weights == {"much": (0.5, -0.78)}


def test_patterns_count_by_how_often_they_are_asked_not_by_how_often_they_are_written():
    counts = training.by_mix(ROWS)
    total = {
        pattern: sum(count for row, count in zip(ROWS, counts, strict=True) if row.pattern == pattern) / len(ROWS)
        for pattern in training.MIX
    }

    assert total == pytest.approx(training.MIX)
    assert sum(counts) == pytest.approx(len(ROWS))


def test_an_example_that_counts_more_pulls_the_probability_its_way():
    examples = [({"a": 1.0}, "0"), ({"a": 1.0}, "1")] * 4

    even = fitting.fit(examples, 1.0)
    pulled = fitting.fit(examples, 1.0, counts=[1.0, 3.0] * 4)

    assert even.probabilities({"a": 1.0})["1"] == pytest.approx(0.5, abs=0.01)
    assert pulled.probabilities({"a": 1.0})["1"] > 0.65
