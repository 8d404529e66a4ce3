"""What the command's exit codes mean, and the one error that carries one.

==== ==========================================================================
0    done
1    the service failed, or an answer came back FAILED
2    the command line was not understood
3    nothing answers at the address, or no address is known
4    the token is missing, expired, or its role may not do this
5    there is no such thing
6    the request cannot be done as it stands (the message says how to mend it)
7    too many requests; try again later
8    the question needs to be put more exactly
9    the answer is not there yet
==== ==========================================================================
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    DENIED = 4
    NOT_FOUND = 5
    REJECTED = 6
    RATE_LIMITED = 7
    UNCLEAR = 8
    PENDING = 9


_BY_STATUS = {
    401: Exit.DENIED,
    403: Exit.DENIED,
    404: Exit.NOT_FOUND,
    429: Exit.RATE_LIMITED,
}


class CommandError(Exception):
    """Ends the command: a problem document, and the exit code that goes with it."""

    def __init__(self, code: Exit, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail", ""))
        self.code = code
        self.problem = problem

    @classmethod
    def of(cls, code: Exit, title: str, detail: str, hint: str | None = None) -> CommandError:
        """Return an error of the command's own."""
        return cls(code, {"title": title, "detail": detail, "hint": hint})

    @classmethod
    def from_reply(cls, status: int, problem: dict[str, Any]) -> CommandError:
        """Return the error of a reply that is not a success."""
        server_side = Exit.FAILED if status >= 500 else Exit.REJECTED
        return cls(_BY_STATUS.get(status, server_side), problem)
