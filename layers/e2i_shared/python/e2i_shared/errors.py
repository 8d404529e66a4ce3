"""Every error E2I raises, in one tree.

::

    E2IError
    ├── InputError                    the caller can mend it; becomes a 4xx
    │   ├── MalformedRequestError     400
    │   ├── UnauthenticatedError      401
    │   ├── ForbiddenError            403
    │   ├── NotFoundError             404
    │   ├── ConflictError             409
    │   ├── TooLargeError             413
    │   ├── RateLimitedError          429
    │   └── UnprocessableError        422, names the field and the candidates
    │       ├── UnknownColumnError
    │       ├── UnknownValueError
    │       ├── UnknownDatasetError
    │       ├── UnknownToolError
    │       ├── BadFileError          a file that cannot be loaded, with its line
    │       ├── InvalidPlanError
    │       └── EstimationError       the data cannot answer
    │           ├── InsufficientDataError
    │           ├── NoVariationError
    │           └── NoOverlapError
    ├── RetryableError                Step Functions retries these names
    │   ├── DatabaseUnavailableError  503
    │   ├── StorageFullError          507 inside, 503 on the wire
    │   └── TransientToolError
    ├── ContractError                 a tool broke its own schema; never retried
    ├── UngroundedAnswerError         a number without a source
    ├── LanguageModelError            no usable answer of a language model; the rules answer instead
    │   ├── ProviderError             one call failed, with its outcome and whether to try again
    │   └── BudgetExceededError       the call would pass a budget; nothing was spent
    └── ConfigurationError            a setting is missing or contradicts another

Leaves carry data: ``field`` (what was wrong), ``expected``, ``got``, ``candidates`` (nearest valid choices) and ``hint`` (what to do).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class E2IError(Exception):
    """Base of all errors; ``status`` is the HTTP status it becomes, ``title`` the problem's title."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        candidates: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.expected = expected
        self.got = got
        self.candidates = tuple(candidates)
        self.hint = hint

    def details(self) -> dict[str, Any]:
        """Return the data a leaf carries, without what is empty."""
        fields = ("field", "expected", "got", "candidates", "hint")
        return {name: getattr(self, name) for name in fields if getattr(self, name)}


class InputError(E2IError):
    """The caller can mend it."""

    status = 400
    title = "Bad request"


class MalformedRequestError(InputError):
    """The request is not what the route accepts."""


class UnauthenticatedError(InputError):
    """No valid token."""

    status = 401
    title = "Not authenticated"


class ForbiddenError(InputError):
    """The caller's role does not allow it."""

    status = 403
    title = "Not allowed"


class NotFoundError(InputError):
    """No such object for this tenant."""

    status = 404
    title = "Not found"


class ConflictError(InputError):
    """The object's state, or an earlier request, forbids it."""

    status = 409
    title = "Conflict"


class TooLargeError(InputError):
    """A body, file or field passes its limit."""

    status = 413
    title = "Too large"


class RateLimitedError(InputError):
    """The caller passed its quota; ``retry_after`` is in whole seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, message: str, *, retry_after: int = 1, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class UnprocessableError(InputError):
    """Valid in form, but cannot be done; names the field and the nearest candidates."""

    status = 422
    title = "Cannot be done"


class UnknownColumnError(UnprocessableError):
    """A phrase or name that is no column of the data set."""

    title = "Unknown column"


class UnknownValueError(UnprocessableError):
    """A value that its column does not hold."""

    title = "Unknown value"


class UnknownDatasetError(UnprocessableError):
    """No data set of that name, or none that fits the question."""

    title = "Unknown data set"


class UnknownToolError(UnprocessableError):
    """No tool of that name."""

    title = "Unknown tool"


class BadFileError(UnprocessableError):
    """A file that cannot be loaded; ``line`` is the 1-based line of the bad row where there is one."""

    title = "The file cannot be loaded"

    def __init__(self, message: str, *, line: int | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.line = line

    def details(self) -> dict[str, Any]:
        """Return the data, with the line."""
        return super().details() | ({"line": self.line} if self.line else {})


class InvalidPlanError(UnprocessableError):
    """A plan that fails validation; nothing of it ran."""

    title = "The plan is not valid"


class EstimationError(UnprocessableError):
    """The data cannot answer the question."""

    title = "Cannot be estimated"


class InsufficientDataError(EstimationError):
    """Too few rows or units."""


class NoVariationError(EstimationError):
    """A treatment or outcome that never varies."""


class NoOverlapError(EstimationError):
    """Treated and untreated units are nowhere alike."""


class RetryableError(E2IError):
    """May work on a second try; the workflow retries these."""

    status = 503
    title = "Try again"


class DatabaseUnavailableError(RetryableError):
    """The database did not answer; no half write was left."""


class StorageFullError(RetryableError):
    """The disk is full; nothing was kept of the attempt."""


class TransientToolError(RetryableError):
    """A tool failed for a reason that may pass."""


class ContractError(E2IError):
    """A tool's output does not fit its own schema."""

    title = "A tool broke its contract"


class UngroundedAnswerError(E2IError):
    """An answer holds a number, sign or significance word that no tool output supports."""

    title = "Ungrounded answer"


class LanguageModelError(E2IError):
    """No usable answer came from any language model; who asked falls back to the rules."""

    status = 503
    title = "No language model answered"


class ProviderError(LanguageModelError):
    """One call to a provider failed: with its outcome, whether another try may help, and after how many seconds."""

    def __init__(
        self,
        message: str,
        *,
        outcome: str = "server_error",
        retryable: bool = False,
        retry_after: float | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.outcome = outcome
        self.retryable = retryable
        self.retry_after = retry_after


class BudgetExceededError(LanguageModelError):
    """The call would pass a budget; nothing was spent."""

    status = 429
    title = "Budget exceeded"


class ConfigurationError(E2IError):
    """A setting is missing or contradicts another."""

    title = "Configuration"


def in_tree(error: Exception) -> Exception:
    """Return the error itself, or for an adapter's refinement the leaf of this tree it refines: workflows match names exactly."""
    if not isinstance(error, E2IError) or type(error).__module__ == __name__:
        return error
    kind: type[E2IError] = next(each for each in type(error).__mro__ if each.__module__ == __name__)
    return kind(error.message, **{name: value for name, value in error.details().items() if name != "line"})
