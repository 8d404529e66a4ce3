from __future__ import annotations

from e2i_shared.observability.redaction import stack


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from (cause and caught(cause))
    except type(error) as raised:
        return raised


def test_a_stack_names_types_and_places_and_no_message_that_may_hold_a_row():
    told = stack(caught(ValueError("could not convert 'Jane Doe'"), KeyError("PT-004711")))

    assert told.index("KeyError") < told.index("ValueError")
    assert "test_stack.py" in told
    assert "Jane" not in told.replace("raise error", "")
    assert "4711" not in told


def test_a_message_about_code_is_kept():
    assert "No module named" in stack(caught(ModuleNotFoundError("No module named 'xgboost'")))
    assert "no attribute" in stack(caught(AttributeError("'NoneType' object has no attribute 'ate'")))


def test_an_error_without_a_stack_is_its_type():
    assert stack(ValueError("x")) == "ValueError\n"


def test_an_endless_chain_of_causes_is_not_walked_for_ever():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first

    assert stack(first).count("ValueError") <= 20
