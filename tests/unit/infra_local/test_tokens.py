"""Tokens: issued, checked, and kept secret."""

from __future__ import annotations

import base64
import json
import stat
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from e2i_shared.errors import ConfigurationError, UnauthenticatedError
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local import tokens

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "00000000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    (root / "keys").mkdir()
    tokens.ensure_key(root / "keys")
    return root


@pytest.fixture(scope="module")
def authorizer(data_dir: Path) -> tokens.Authorizer:
    return tokens.Authorizer.of(data_dir / "keys")


def claims_of(authorizer: tokens.Authorizer, token: str) -> dict[str, str]:
    return dict(authorizer.claims(f"Bearer {token}"))


@pytest.mark.parametrize("role", tokens.ROLES)
def test_an_issued_token_is_accepted_with_what_it_says(data_dir: Path, authorizer: tokens.Authorizer, role: str):
    claims = claims_of(authorizer, tokens.issue(data_dir, role, TENANT, "ann", 60))

    assert claims["role"] == role
    assert claims["tenant_id"] == TENANT
    assert claims["sub"] == "ann"
    assert int(claims["exp"]) - int(claims["iat"]) == 60


def test_the_scheme_may_be_written_in_any_case(data_dir: Path, authorizer: tokens.Authorizer):
    token = tokens.issue(data_dir, "viewer", TENANT, "ann", 60)

    assert authorizer.claims(f"bEARER  {token} ")["sub"] == "ann"


@pytest.mark.parametrize(
    ("role", "ttl", "field"), [("king", 60, "role"), ("", 60, "role"), ("owner", 0, "ttl"), ("owner", -5, "ttl")]
)
def test_a_token_that_makes_no_sense_is_not_issued(data_dir: Path, role: str, ttl: int, field: str):
    with pytest.raises(ConfigurationError) as caught:
        tokens.issue(data_dir, role, TENANT, "ann", ttl)

    assert caught.value.field == field


def test_without_a_key_the_hint_says_what_to_do(tmp_path: Path):
    with pytest.raises(ConfigurationError) as caught:
        tokens.issue(tmp_path, "owner", TENANT, "ann", 60)

    assert "e2i up" in (caught.value.hint or "")


def test_a_broken_key_is_named(tmp_path: Path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / tokens.KEY_FILE).write_text("nonsense")

    with pytest.raises(ConfigurationError):
        tokens.issue(tmp_path, "owner", TENANT, "ann", 60)


def test_a_key_of_another_kind_is_refused(tmp_path: Path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    text = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / tokens.KEY_FILE).write_bytes(text)

    with pytest.raises(ConfigurationError):
        tokens.Authorizer.of(tmp_path / "keys")


def test_the_key_is_readable_by_its_owner_only_and_made_once(data_dir: Path):
    path = data_dir / "keys" / tokens.KEY_FILE
    before = path.read_bytes()

    tokens.ensure_key(data_dir / "keys")

    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_claims_become_text_as_api_gateway_writes_them(data_dir: Path, authorizer: tokens.Authorizer):
    now = int(time.time())
    claims = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": "s",
        "iat": now,
        "exp": now + 9,
        "groups": ["a", "b"],
        "ok": True,
        "n": 1.5,
    }
    token = jwt.encode(claims, (data_dir / "keys" / tokens.KEY_FILE).read_bytes(), algorithm="RS256")

    found = claims_of(authorizer, token)

    assert found["groups"] == "[a b]"
    assert found["ok"] == "true"
    assert found["n"] == "1.5"
    assert found["exp"] == str(now + 9)


def test_expired_says_expired(data_dir: Path, authorizer: tokens.Authorizer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tokens.time, "time", lambda: 1_000_000.0)
    token = tokens.issue(data_dir, "owner", TENANT, "ann", 60)
    monkeypatch.undo()

    with pytest.raises(UnauthenticatedError) as caught:
        claims_of(authorizer, token)

    assert "expired" in caught.value.message


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer  "])
def test_no_token_says_what_to_send(authorizer: tokens.Authorizer, header: str | None):
    with pytest.raises(UnauthenticatedError) as caught:
        authorizer.claims(header)

    assert "Authorization" in (caught.value.hint or "")


@given(st.text(max_size=60))
def test_no_text_is_a_token(data_dir: Path, authorizer: tokens.Authorizer, text: str):
    with pytest.raises(UnauthenticatedError):
        authorizer.claims(f"Bearer {text}")


@pytest.fixture(scope="module")
def good(data_dir: Path) -> str:
    return tokens.issue(data_dir, "viewer", TENANT, "ann", 600)


@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=80)
def test_a_token_changed_in_any_byte_is_refused(good: str, authorizer: tokens.Authorizer, at: int, flip: int):
    parts = good.split(".")
    which = at % 3
    raw = bytearray(base64.urlsafe_b64decode(parts[which] + "=="))
    raw[at % len(raw)] ^= flip
    parts[which] = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()

    with pytest.raises(UnauthenticatedError):
        authorizer.claims(f"Bearer {'.'.join(parts)}")


@given(
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "jwk", "jku", "x5c", "crit"]),
        st.none() | st.text(max_size=8) | st.lists(st.text(max_size=4), max_size=2),
    )
)
def test_no_header_makes_an_unsigned_token_pass(authorizer: tokens.Authorizer, header: dict[str, Any]):
    now = int(time.time())
    claims = {"iss": tokens.ISSUER, "aud": tokens.AUDIENCE, "sub": "s", "iat": now, "exp": now + 60, "role": "owner"}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]

    with pytest.raises(UnauthenticatedError):
        authorizer.claims(f"Bearer {'.'.join(parts)}.")


class Watch:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def watched(data_dir: Path) -> tuple[tokens.Authorizer, Watch, list[str]]:
    """Return an authorizer with a clock of its own, and the tokens whose signatures it checks from now on."""
    watch, checked = Watch(), list[str]()

    class Watched(tokens.Authorizer):
        __slots__ = ()

        def _decoded(self, token: str) -> dict[str, Any]:
            checked.append(token)
            return super()._decoded(token)

    return Watched(tokens.Authorizer.of(data_dir / "keys").key, watch), watch, checked


def test_a_token_is_checked_once_in_five_minutes(data_dir: Path):
    authorizer, watch, checked = watched(data_dir)
    token = tokens.issue(data_dir, "viewer", TENANT, "ann", 3600)

    first = claims_of(authorizer, token)
    watch.now += tokens.KEPT_SECONDS - 1
    assert claims_of(authorizer, token) == first
    assert len(checked) == 1

    watch.now += 2
    assert claims_of(authorizer, token) == first
    assert len(checked) == 2


def test_a_token_that_was_accepted_is_refused_once_it_has_expired(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    authorizer, watch, checked = watched(data_dir)
    token = tokens.issue(data_dir, "viewer", TENANT, "ann", 60)
    claims_of(authorizer, token)

    watch.now += 61

    def expired(*_args: Any, **_options: Any) -> dict[str, Any]:
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr(jwt, "decode", expired)
    with pytest.raises(UnauthenticatedError, match="expired"):
        claims_of(authorizer, token)
    assert len(checked) == 2


def test_a_token_with_another_signature_is_refused_although_the_true_one_was_accepted(data_dir: Path):
    authorizer, _, _ = watched(data_dir)
    token = tokens.issue(data_dir, "viewer", TENANT, "ann", 60)
    claims_of(authorizer, token)
    head, body, signature = token.split(".")
    owner = tokens.issue(data_dir, "owner", TENANT, "ann", 60).split(".")[1]

    for forged in (f"{head}.{owner}.{signature}", f"{head}.{body}.{signature[:-4]}AAAA"):
        with pytest.raises(UnauthenticatedError):
            claims_of(authorizer, forged)


def test_no_more_tokens_are_kept_than_there_is_room_for(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tokens, "MOST_KEPT", 2)
    authorizer, _, checked = watched(data_dir)
    issued = [tokens.issue(data_dir, "viewer", TENANT, f"ann{n}", 600) for n in range(3)]

    for token in issued:
        claims_of(authorizer, token)
    claims_of(authorizer, issued[2])
    assert len(checked) == 3

    claims_of(authorizer, issued[0])
    assert len(checked) == 4
