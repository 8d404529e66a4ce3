"""The audit log: append-only, hash-chained per tenant, written in the transaction of the change it records."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from e2i_shared.db.queries import query
from e2i_shared.db.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.db.connection import Connection


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object, and why. Hashes stand for old and new values; no personal data, no question text."""

    actor: str
    action: str
    object_type: str
    object_id: str | None = None
    actor_role: str | None = None
    decision: Literal["allow", "deny"] = "allow"
    reason: str | None = None
    request_id: str | None = None
    software_version: str | None = None
    before_hash: str | None = None
    after_hash: str | None = None


@dataclass(frozen=True, slots=True)
class AuditAnchor:
    """The end of a chain at some time; kept outside the database it exposes even a chain rewritten as a whole."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditProblem:
    """A place where the chain is broken."""

    seq: int
    problem: str


class PostgresAudit(Repository):
    """The audit log of one tenant."""

    def record(self, entry: AuditEntry) -> AuditAnchor:
        """Append an entry in its own transaction and return the chain's new end."""
        return self._run(lambda connection: record(connection, entry))

    def head(self) -> AuditAnchor | None:
        """Return the end of the chain, or None when it is empty."""
        row = self._row(query("audit", "head"))
        return None if row is None else AuditAnchor(row["seq"], row["hash"])

    def verify(self, anchor: AuditAnchor | None = None) -> Sequence[AuditProblem]:
        """Return every place where the chain was changed, cut, reordered or added to; empty when it is whole."""
        seq, digest = (anchor.seq, anchor.hash) if anchor else (None, None)
        rows = self._rows(query("audit", "verify"), anchored_seq=seq, anchored_hash=digest)
        return [AuditProblem(row["seq"], row["problem"]) for row in rows]


def record(connection: Connection, entry: AuditEntry) -> AuditAnchor:
    """Append an entry in the caller's transaction, so that the change and its record are kept or lost together."""
    row = connection.execute(query("audit", "record"), asdict(entry)).fetchone() or {}
    return AuditAnchor(row["seq"], row["hash"])
