"""Queues with dead letters, and why messages failed, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_shared.ports import Failure, Letter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class FakeQueues:
    """Keeps dead letters; what is taken is hidden until it is left or put back."""

    names: tuple[str, ...] = ("training-requested", "simulation-requested", "composition-status")
    dead: dict[str, list[Letter]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    sent: list[tuple[str, str]] = field(default_factory=list)

    def take(self, queue: str, most: int) -> Sequence[Letter]:
        """Take up to ``most`` dead letters that nobody has taken."""
        seen = [letter for letter in self.dead.get(queue, []) if letter.message_id not in self.hidden][:most]
        self.hidden |= {letter.message_id for letter in seen}
        return seen

    def leave(self, _queue: str, letters: Sequence[Letter]) -> None:
        """Let dead letters be seen again."""
        self.hidden -= {letter.message_id for letter in letters}

    def put_back(self, queue: str, letter: Letter) -> None:
        """Send a dead letter to its queue anew."""
        self.sent.append((queue, letter.body))
        self.dead[queue].remove(letter)


@dataclass
class FakeFailures:
    """MessageFailures in memory."""

    known: dict[tuple[str, str], Failure] = field(default_factory=dict)
    audits: list[tuple[str, str, str, str]] = field(default_factory=list)

    def note(self, queue: str, message_id: str, _topic: str, failure: Failure) -> None:
        """Keep why a message failed, and that it did once more."""
        before = self.known.get((queue, message_id))
        count = before.failures + 1 if before else 1
        self.known[queue, message_id] = Failure(failure.error_type, failure.reason[:1_000], count)

    def of(self, queue: str, message_ids: Sequence[str]) -> Mapping[str, Failure]:
        """Return what is known of messages."""
        return {each: self.known[queue, each] for each in message_ids if (queue, each) in self.known}

    def settle(self, queue: str, message_ids: Sequence[str]) -> None:
        """Forget why messages failed."""
        for each in message_ids:
            self.known.pop((queue, each), None)

    def audited(self, queue: str, message_id: str, actor: str, role: str, _request_id: str) -> None:
        """Record who puts a message back."""
        self.audits.append((queue, message_id, actor, role))
