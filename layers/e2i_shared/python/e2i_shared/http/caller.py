"""Who is asking, and what their role allows."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from e2i_shared.errors import ForbiddenError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(IntEnum):
    """Each role may do what the lower ones may. ``NOBODY`` needs no token."""

    NOBODY = 0
    VIEWER = 1
    MEMBER = 2
    ADMIN = 3
    OWNER = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """The token's claims that matter, and the request they came with."""

    subject: str
    tenant_id: str
    role: Role
    correlation_id: str


ANONYMOUS_TENANT = ""
_current: ContextVar[Caller] = ContextVar("caller")
set_current = _current.set


def current() -> Caller:
    """Return the caller of the request being served."""
    return _current.get()


def authenticate(claims: Mapping[str, Any], needed: Role, correlation_id: str) -> Caller:
    """Return the caller, or refuse.

    Raises
    ------
    UnauthenticatedError
        When the route needs a token and there is none, or it names no tenant.
    ForbiddenError
        When the token's role is below ``needed``.
    """
    if needed is Role.NOBODY:
        return Caller(str(claims.get("sub", "anonymous")), ANONYMOUS_TENANT, Role.NOBODY, correlation_id)
    if not claims:
        raise UnauthenticatedError("This route needs a bearer token.", hint="Send Authorization: Bearer <token>.")
    caller = Caller(str(claims.get("sub", "")), _tenant(claims), _role(claims), correlation_id)
    if caller.role < needed:
        raise ForbiddenError(
            f"The role {caller.role.name.lower()} may not do this.",
            field="role",
            expected=f"{needed.name.lower()} or above",
            got=caller.role.name.lower(),
            hint="Ask an administrator of your tenant for the role.",
        )
    return caller


def _tenant(claims: Mapping[str, Any]) -> str:
    try:
        return str(UUID(str(claims.get("tenant_id") or claims.get("custom:tenant_id"))))
    except ValueError as error:
        raise UnauthenticatedError("The token names no tenant.", field="tenant_id", expected="a UUID claim") from error


def _role(claims: Mapping[str, Any]) -> Role:
    name = str(claims.get("role") or claims.get("custom:role") or "").upper()
    if name in Role.__members__ and Role[name] is not Role.NOBODY:
        return Role[name]
    raise ForbiddenError(
        "The token's role is not known.",
        field="role",
        got=name.lower() or "none",
        candidates=[role.name.lower() for role in Role if role],
    )
