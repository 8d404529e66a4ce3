from __future__ import annotations

import json
from typing import Any

import pytest
from builders_composer import (
    KISQALI,
    KISQALI_EDGES,
    KISQALI_PARTS,
    catalogue,
    classification,
    created,
    datasets,
    decomposition,
    runner,
    services,
)
from e2i_shared.api.composition import CompositionStatus as Status
from e2i_shared.composer.plan import make_plan
from e2i_shared.composer.step import describe_failure, execute_step, record_step_failure
from e2i_shared.errors import (
    ContractError,
    InsufficientDataError,
    NotFoundError,
    TransientToolError,
    UnprocessableError,
)


@pytest.fixture
def composed():
    """A planned composition: (compositions, id)."""
    made = services(classification(KISQALI, KISQALI_PARTS, KISQALI_EDGES))
    identity = created(made, KISQALI)
    plan = make_plan(KISQALI, decomposition(KISQALI_PARTS, KISQALI_EDGES), datasets(), catalogue())
    made.compositions.save_plan(identity, plan, 1.0)
    return made.compositions, identity


class Counting:
    """A tool runner that counts, and may be told what to do."""

    def __init__(self, *actions: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._actions = list(actions)
        self._run = runner(catalogue())

    def __call__(self, tool: str, inputs: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((tool, inputs))
        action = self._actions.pop(0) if self._actions else None
        if isinstance(action, Exception):
            raise action
        return action if action is not None else self._run(tool, inputs)


def record(compositions, identity, number):
    return next(s for s in compositions.steps(identity) if s.step.step_number == number)


def test_a_step_runs_its_tool_and_keeps_inputs_output_and_time(composed):
    compositions, identity = composed

    assert execute_step(compositions, identity, 1, Counting()) is Status.COMPLETED

    done = record(compositions, identity, 1)
    assert done.resolved_inputs["treatment_col"] == "rep_visits"
    assert done.output["ate"] == pytest.approx(2.0531)
    assert done.latency_ms >= 0


def test_references_are_resolved_from_stored_outputs(composed):
    compositions, identity = composed
    run = Counting()
    execute_step(compositions, identity, 1, run)

    execute_step(compositions, identity, 4, run)

    sized = record(compositions, identity, 4)
    assert sized.resolved_inputs["effect_size"] == pytest.approx(2.0531)
    assert sized.resolved_inputs["sd"] == pytest.approx(6.4127)
    assert sized.output["required_sample_size_per_arm"] > 0


def test_a_finished_step_is_not_run_again(composed):
    compositions, identity = composed
    run = Counting()
    first = execute_step(compositions, identity, 1, run)
    second = execute_step(compositions, identity, 1, run)

    assert (first, second) == (Status.COMPLETED, Status.COMPLETED)
    assert len(run.calls) == 1


def test_a_step_that_was_interrupted_is_run_again_and_the_retry_is_counted(composed):
    compositions, identity = composed
    compositions.start_step(identity, 1, {})

    assert execute_step(compositions, identity, 1, Counting()) is Status.COMPLETED
    assert record(compositions, identity, 1).retry_count == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            InsufficientDataError("Only 3 rows are left.", hint="Widen the filters."),
            "Only 3 rows are left. Widen the filters.",
        ),
        (UnprocessableError("No such segment.", candidates=["A", "B"]), "No such segment. Possible: A, B."),
        (ContractError("the tool returned NaN"), "the tool returned NaN"),
    ],
)
def test_an_error_of_ours_fails_the_step_with_its_message(composed, error, text):
    compositions, identity = composed

    assert execute_step(compositions, identity, 1, Counting(error)) is Status.FAILED
    assert record(compositions, identity, 1).error_message == text


def test_a_failed_step_is_not_retried(composed):
    compositions, identity = composed
    run = Counting(InsufficientDataError("no rows"))
    execute_step(compositions, identity, 1, run)

    assert execute_step(compositions, identity, 1, run) is Status.FAILED
    assert len(run.calls) == 1


def test_an_unexpected_error_fails_the_step_without_showing_what_it_was(composed):
    compositions, identity = composed

    assert execute_step(compositions, identity, 1, Counting(ZeroDivisionError("secret"))) is Status.FAILED

    message = record(compositions, identity, 1).error_message
    assert "secret" not in message
    assert "ZeroDivisionError" not in message
    assert "Quote" in message


def test_the_trace_of_an_unexpected_error_is_logged_with_the_number_to_quote(composed, caplog):
    compositions, identity = composed
    execute_step(compositions, identity, 1, Counting(ZeroDivisionError("secret")))

    quoted = record(compositions, identity, 1).error_message.split("Quote ")[1].split()[0]
    assert quoted in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_retryable_error_passes_through_and_leaves_the_step_open(composed):
    compositions, identity = composed
    run = Counting(TransientToolError("busy"))

    with pytest.raises(TransientToolError):
        execute_step(compositions, identity, 1, run)

    assert record(compositions, identity, 1).status is Status.EXECUTING
    assert execute_step(compositions, identity, 1, run) is Status.COMPLETED
    assert record(compositions, identity, 1).retry_count == 1


def test_a_failed_step_fails_only_what_depends_on_it(composed):
    compositions, identity = composed
    execute_step(compositions, identity, 1, Counting(InsufficientDataError("no rows")))

    run = Counting()
    for number in (2, 4, 3):
        assert execute_step(compositions, identity, number, run) is Status.SKIPPED

    assert run.calls == []
    assert record(compositions, identity, 2).error_message == (
        "Not run, because step 1 (causal_effect_estimator), which it needs, failed."
    )
    assert record(compositions, identity, 3).error_message.endswith("was skipped.")


def test_a_step_whose_dependency_never_finished_is_skipped(composed):
    compositions, identity = composed

    assert execute_step(compositions, identity, 2, Counting()) is Status.SKIPPED
    assert "did not finish" in record(compositions, identity, 2).error_message


def test_a_reference_to_what_an_output_lacks_fails_the_step(composed):
    compositions, identity = composed
    execute_step(compositions, identity, 1, Counting({"no": "ate"}))

    assert execute_step(compositions, identity, 4, Counting()) is Status.FAILED
    assert "has nothing at" in record(compositions, identity, 4).error_message


def test_an_unknown_step_is_not_found(composed):
    compositions, identity = composed
    with pytest.raises(NotFoundError, match="no step 9"):
        execute_step(compositions, identity, 9, Counting())


def test_the_first_end_of_a_step_wins(composed):
    compositions, identity = composed

    class Slow(Counting):
        def __call__(self, tool, inputs) -> Any:
            record_step_failure(compositions, identity, 1, {"Error": "States.Timeout", "Cause": ""})
            return super().__call__(tool, inputs)

    assert execute_step(compositions, identity, 1, Slow()) is Status.FAILED
    assert "30 seconds" in record(compositions, identity, 1).error_message
    assert record(compositions, identity, 1).output is None


class TestRecordingAFailure:
    def test_an_open_step_becomes_failed(self, composed):
        compositions, identity = composed
        compositions.start_step(identity, 1, {})

        assert record_step_failure(compositions, identity, 1, {"Error": "Runtime.ExitError"}) is Status.FAILED
        assert "ended unexpectedly" in record(compositions, identity, 1).error_message

    def test_a_finished_step_stays_as_it_is(self, composed):
        compositions, identity = composed
        execute_step(compositions, identity, 1, Counting())

        assert record_step_failure(compositions, identity, 1, {"Error": "States.Timeout"}) is Status.COMPLETED


class TestDescribingAFailure:
    def test_our_own_errors_keep_their_message(self):
        cause = json.dumps(
            {"errorType": "UnknownColumnError", "errorMessage": "No column is called 'x'.", "stackTrace": ["…"]}
        )
        assert describe_failure({"Error": "UnknownColumnError", "Cause": cause}) == "No column is called 'x'."

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("States.Timeout", "30 seconds"),
            ("Lambda.TooManyRequestsException", "too busy"),
            ("Runtime.ExitError", "ended unexpectedly"),
        ],
    )
    def test_what_the_workflow_raises_is_explained(self, name, word):
        assert word in describe_failure({"Error": name, "Cause": "x"})

    @pytest.mark.parametrize(
        "error",
        [
            {},
            {"Error": "KeyError", "Cause": json.dumps({"errorType": "KeyError", "errorMessage": "secret"})},
            {"Error": "X", "Cause": "secret and no JSON"},
            {"Error": "X", "Cause": "[1, 2]"},
            {"Error": "X", "Cause": json.dumps({"errorMessage": 7})},
            {"Error": None, "Cause": None},
        ],
    )
    def test_anything_else_is_hidden_behind_a_number_to_quote(self, error):
        text = describe_failure(error)
        assert "secret" not in text
        assert "Quote" in text
