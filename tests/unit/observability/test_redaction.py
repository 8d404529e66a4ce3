"""Nothing that should stay inside reaches a log line."""

from __future__ import annotations

import pytest
from e2i_shared.observability.redaction import MASK, SENSITIVE, mask, redact


@pytest.mark.parametrize("name", sorted(SENSITIVE))
def test_a_sensitive_field_is_masked_whatever_it_holds(name: str):
    assert redact({name: "Did it work?", name.upper(): 7}) == {name: MASK, name.upper(): MASK}


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
        "Authorization: Bearer abc.def",
        "host=db password=hunter2 user=e2i",
        "postgresql://e2i:hunter2@db/e2i",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_a_secret_inside_a_message_is_masked(text: str):
    masked = mask(text)
    assert MASK in masked
    assert not any(secret in masked for secret in ("hunter2", "abc.def", "c2ln", "IOSFODNN7"))


def test_masking_reaches_any_depth_and_leaves_the_rest_alone():
    fields = {"status": 503, "steps": [{"tool": "psi_calculator", "output": {"n": 1}}], "note": "all well"}
    assert redact(fields) == {
        "status": 503,
        "steps": [{"tool": "psi_calculator", "output": MASK}],
        "note": "all well",
    }
