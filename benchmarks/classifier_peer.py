"""semantic-router on labelled questions, offline: run by ``benchmarks/classifier.py`` inside .venv-peers.

Standard input is ``{"train": [[text, label], …], "test": [text, …]}``, standard output a list of labels. The encoder is TF-IDF over
words and pairs: the encoders with a language model need a download.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any


def answers(train: list[list[str]], test: list[str]) -> list[str | None]:
    """Return the route that semantic-router chooses for each test question."""
    from semantic_router import IndexedRouter, Route
    from semantic_router.encoders import DenseEncoder
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    vectorizer.fit([text for text, _ in train])

    class Tfidf(DenseEncoder):  # type: ignore[misc]  # the library is untyped where this environment does not hold it
        """TF-IDF as dense vectors."""

        name: str = "tfidf"
        score_threshold: float | None = 0.0

        def __call__(self, docs: list[Any]) -> list[list[float]]:
            rows: list[list[float]] = vectorizer.transform([str(doc) for doc in docs]).toarray().tolist()
            return rows

    labels = sorted({label for _, label in train})
    routes = [Route(name=name, utterances=[text for text, label in train if label == name]) for name in labels]
    router = IndexedRouter(Tfidf(), routes, top_k=20, aggregation="max")
    return [router(text).name for text in test]


def main() -> None:
    """Answer one request."""
    logging.disable(logging.CRITICAL)
    asked = json.load(sys.stdin)
    print(json.dumps(answers(asked["train"], asked["test"])))


if __name__ == "__main__":
    main()
