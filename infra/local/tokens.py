"""Bearer tokens of the local runtime: RS256 with a key pair that never leaves the data directory."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from e2i_shared.errors import ConfigurationError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ISSUER = "https://local.e2i"
AUDIENCE = "e2i"
ALGORITHM = "RS256"
ROLES = ("viewer", "member", "admin", "owner")
REQUIRED = ("exp", "iat", "sub", "iss", "aud")
KEY_FILE = "token-signing-key.pem"
KEPT_SECONDS = 300.0
MOST_KEPT = 1000


def ensure_key(keys: Path) -> None:
    """Create the key pair where there is none."""
    path = keys / KEY_FILE
    if path.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    partial = path.with_suffix(".new")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
    partial.replace(path)


def _private_key(keys: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key((keys / KEY_FILE).read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"There is no signing key in {keys}.", field="data_dir", hint="start the runtime once with `e2i up`"
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError(f"The signing key in {keys} is no RSA key.", field="data_dir")
    return key


def issue(data_dir: Path, role: str, tenant: str, subject: str, ttl: int) -> str:
    """Return a token.

    Parameters
    ----------
    data_dir
        The data directory of a runtime that was started at least once.
    role
        viewer, member, admin or owner.
    tenant
        The tenant's id.
    subject
        Who the token stands for.
    ttl
        Seconds it is valid.

    Raises
    ------
    ConfigurationError
        When the role is unknown, the time is not positive, or the directory holds no key.
    """
    if role not in ROLES:
        raise ConfigurationError(f"There is no role {role!r}.", field="role", got=role, candidates=ROLES)
    if ttl <= 0:
        raise ConfigurationError(
            "A token must be valid for some time.", field="ttl", expected="seconds > 0", got=str(ttl)
        )
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "tenant_id": tenant,
        "role": role,
        "token_use": "access",
        "iat": now,
        "exp": now + ttl,
    }
    return jwt.encode(claims, _private_key(data_dir / "keys"), algorithm=ALGORITHM)


@dataclass(frozen=True, slots=True)
class Authorizer:
    """The JWT authorizer of the HTTP API: signature, issuer, audience and times; roles are the handlers' business."""

    key: rsa.RSAPublicKey
    clock: Callable[[], float] = time.time
    _verified: OrderedDict[str, tuple[float, Mapping[str, str]]] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, keys: Path) -> Authorizer:
        """Return the authorizer for the key pair of a data directory."""
        return cls(_private_key(keys).public_key())

    def claims(self, header: str | None) -> Mapping[str, str]:
        """Return the claims of an ``Authorization`` header, every value as text, as API Gateway hands them on.

        Raises
        ------
        UnauthenticatedError
            When there is no token, or one this API does not accept; says which check failed.
        """
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise UnauthenticatedError("This route needs a bearer token.", hint="send `Authorization: Bearer <token>`")
        until, claims = self._verified.get(token, (0.0, {}))
        return claims if self.clock() < until else self._verify(token)

    def _verify(self, token: str) -> Mapping[str, str]:
        """Return the claims of a token that holds, and keep them for a while: checking a signature costs half of a request."""
        self._verified.pop(token, None)
        claims = self._decoded(token)
        text = {name: _text(value) for name, value in claims.items()}
        self._verified[token] = (min(float(claims["exp"]), self.clock() + KEPT_SECONDS), text)
        if len(self._verified) > MOST_KEPT:
            self._verified.popitem(last=False)
        return text

    def _decoded(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token.strip(),
                self.key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(REQUIRED)},
            )
        except jwt.ExpiredSignatureError as error:
            raise UnauthenticatedError("The token has expired.", hint="print a new one with `e2i token`") from error
        except (jwt.PyJWTError, ValueError) as error:
            raise UnauthenticatedError("The token is not valid here.", hint="print one with `e2i token`") from error


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "[" + " ".join(map(str, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
