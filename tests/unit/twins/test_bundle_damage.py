"""A twin's file holds every field exactly where answers depend on it, and nothing damaged is ever read."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from e2i_shared.errors import InsufficientDataError
from e2i_shared.twins import bundle as bundles
from e2i_shared.twins.bundle import MAGIC, Arms, Bundle, DamagedBundleError, Dose
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from hypothesis import given, settings
from hypothesis import strategies as st


def sealed(body: bytes) -> bytes:
    """Return bytes with the right head for ``body``."""
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + body


def archive(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=True, **arrays)
    return stream.getvalue()


def body_of(content: bytes) -> bytes:
    return content[len(MAGIC) + 64 :]


@pytest.mark.parametrize("where", ["units", "twins"])
def test_every_column_comes_back_to_the_last_digit(trained, twin, where):
    before, after = getattr(trained.bundle, where), getattr(twin, where)

    assert (after.n, after.levels, after.dates) == (before.n, dict(before.levels), before.dates)
    assert (tuple(after.numbers), tuple(after.categories)) == (tuple(before.numbers), tuple(before.categories))
    for name in before.names:
        assert np.array_equal(after.values(name), before.values(name), equal_nan=True)


def test_every_other_field_comes_back(trained, twin):
    before = trained.bundle

    assert twin.catalogue == before.catalogue
    assert twin.clusters is None
    assert twin.outcome == pytest.approx(before.outcome, rel=1e-6)
    assert twin.baseline == pytest.approx(before.baseline, rel=1e-6)
    for part in ("treated", "control", "smoother", "propensity", "effect", "twins"):
        old, new = getattr(before.effects["email"], part), getattr(twin.effects["email"], part)
        assert new.shape == old.shape
        assert new == pytest.approx(old, rel=1e-5, abs=1e-5)


def test_every_part_of_a_dose_comes_back(trained, twin):
    old, new = trained.bundle.effects["visits"], twin.effects["visits"]
    assert isinstance(old, Dose)
    assert isinstance(new, Dose)

    for part in ("theta", "smoother", "inverse", "knots", "dose"):
        assert (getattr(new.curve, part) == getattr(old.curve, part)).all()
    for part in ("phi", "left", "pull"):
        assert getattr(new.curve, part) == pytest.approx(getattr(old.curve, part), rel=1e-5, abs=1e-5)
    assert (new.curve.support, new.curve.reach) == (old.curve.support, old.curve.reach)
    assert new.twins == pytest.approx(old.twins, rel=1e-5, abs=1e-5)
    assert new.left_share == pytest.approx(old.left_share, rel=1e-5)


def test_clusters_and_many_levels_come_back(trained):
    n = trained.bundle.units.n
    codes = np.arange(n, dtype=np.float64) + 40_000
    levels = {**trained.bundle.units.levels, "region": tuple(f"z{i}" for i in range(45_000))}
    units = replace(
        trained.bundle.units, categories={**trained.bundle.units.categories, "region": codes}, levels=levels
    )
    changed = replace(trained.bundle, units=units, clusters=np.arange(n, dtype=np.intp) // 3)
    back = bundles.read(bundles.write(changed))

    assert (back.units.categories["region"] == codes).all()
    assert (back.clusters == np.arange(n) // 3).all()


def with_tenths(bundle: Bundle) -> Bundle:
    """Return the twin with tenure in tenths, which single precision cannot hold."""
    parts = {w: getattr(bundle, w) for w in ("units", "twins")}
    changed = {
        where: replace(held, numbers={**held.numbers, "tenure": np.round(held.numbers["tenure"], 1)})
        for where, held in parts.items()
    }
    return replace(bundle, **changed)


@pytest.mark.parametrize("op", ["eq", "le", "ge", "lt", "gt"])
def test_a_filter_at_a_recorded_value_finds_the_same_units_before_and_after_writing(trained, op):
    before = with_tenths(trained.bundle)
    after = bundles.read(bundles.write(before))
    value = float(np.median(before.units.numbers["tenure"]))
    asked = SimulationSpec.model_validate(
        {"intervention_type": "email", "population_filters": [{"column": "tenure", "op": op, "value": value}]}
    )
    found = []
    for held in (before, after):
        try:
            found.append(simulate(held, asked, with_charts=False).units)
        except InsufficientDataError as error:
            found.append(error.got)

    assert found[0] == found[1]
    assert found[0] != "0 units, 0 twins"


def in_tenths(bundle: Bundle) -> Bundle:
    """Return the twin with doses a tenth as large."""
    held = bundle.effects["visits"]
    assert isinstance(held, Dose)
    curve = replace(
        held.curve,
        theta=held.curve.theta * 10,
        smoother=held.curve.smoother * 10,
        inverse=held.curve.inverse * 100,
        knots=held.curve.knots / 10,
        dose=held.curve.dose / 10,
        left=held.curve.left / 10,
        support=(held.curve.support[0] / 10, held.curve.support[1] / 10),
        reach=(held.curve.reach[0] / 10, held.curve.reach[1] / 10),
    )
    tables = {
        where: replace(t, numbers={**t.numbers, "visits": t.numbers["visits"] / 10})
        for where, t in (("units", bundle.units), ("twins", bundle.twins))
    }
    return replace(bundle, effects={**bundle.effects, "visits": replace(held, curve=curve)}, **tables)


def test_the_largest_recorded_dose_is_inside_its_support_whatever_its_digits(trained):
    plain, small = trained.bundle, bundles.read(bundles.write(in_tenths(trained.bundle)))
    for dose in range(1, int(plain.effects["visits"].curve.support[1]) + 1):
        one, other = (
            simulate(held, SimulationSpec(intervention_type="visits", config={"dose": d}), with_charts=False)
            for held, d in ((plain, float(dose)), (small, dose / 10))
        )

        assert other.simulated_ate == pytest.approx(one.simulated_ate, rel=1e-4)
        assert other.std_error == pytest.approx(one.std_error, rel=1e-3)


@given(at=st.integers(0, 10**9), flip=st.integers(1, 255))
@settings(max_examples=60)
def test_any_changed_byte_is_refused(content, at, flip):
    damaged = bytearray(content)
    damaged[at % len(content)] ^= flip

    with pytest.raises(DamagedBundleError):
        bundles.read(bytes(damaged))


@given(keep=st.floats(0, 0.999))
@settings(max_examples=25)
def test_any_cut_is_refused(content, keep):
    with pytest.raises(DamagedBundleError):
        bundles.read(content[: int(keep * len(content))])


@pytest.mark.parametrize("more", [b"\0", b"E2I-TWIN-1\n"])
def test_anything_appended_is_refused(content, more):
    with pytest.raises(DamagedBundleError):
        bundles.read(content + more)


def test_another_format_version_is_refused_even_with_its_checksum(content):
    with pytest.raises(DamagedBundleError):
        bundles.read(b"E2I-TWIN-2\n" + content[len(MAGIC) :])


def test_another_twins_file_is_refused_by_its_digest(trained, content):
    other = bundles.write(replace(trained.bundle, outcome=trained.bundle.outcome + 1))

    with pytest.raises(DamagedBundleError, match="not the file that this model was saved with"):
        bundles.read(other, digest=bundles.digest_of(content))


def headless(content: bytes, **changes: object) -> bytes:
    """Return the archive with parts of its header replaced, or without it."""
    with np.load(io.BytesIO(body_of(content))) as held:
        arrays = {name: held[name] for name in held.files}
    header = json.loads(arrays.pop("header").tobytes()) | changes
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    return archive(**arrays, **({"header": text} if changes else {}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"PK\x03\x04",
        lambda _: pickle.dumps({"header": 1}),
        lambda _: archive(other=np.zeros(3)),
        lambda _: archive(header=np.frombuffer(b"not json", dtype=np.uint8)),
        lambda _: archive(header=np.frombuffer(b"\xff\xfe", dtype=np.uint8)),
        lambda _: archive(header=np.array([{"a": 1}], dtype=object)),
        headless,
        lambda content: headless(content, catalogue={"name": 3}),
        lambda content: headless(content, kinds={"email": "binary", "fax": "dose"}),
        lambda content: headless(content, columns={"number": ["gone"], "code": []}),
        lambda content: headless(content, levels=None),
        lambda content: headless(content, columns={"number": [], "code": []}),
    ],
)
def test_a_sealed_file_that_is_no_twin_is_refused_and_never_unpickled(content, spoil):
    with pytest.raises(DamagedBundleError, match="cannot be read"):
        bundles.read(sealed(spoil(content)))


def test_a_plain_array_is_no_twin():
    stream = io.BytesIO()
    np.save(stream, np.zeros(4))

    with pytest.raises(DamagedBundleError, match="cannot be read"):
        bundles.read(sealed(stream.getvalue()))


def test_numbers_that_json_cannot_hold_are_not_written(trained):
    with pytest.raises(ValueError, match="JSON"):
        bundles.write(replace(trained.bundle, header=trained.bundle.header | {"fidelity": float("nan")}))


def test_arrays_of_estimates_are_single_and_coefficients_double(content):
    with np.load(io.BytesIO(body_of(content)), allow_pickle=False) as held:
        kinds = {name: held[name].dtype for name in held.files}

    assert kinds["effect/email/treated"] == np.float32
    assert kinds["effect/visits/theta"] == np.float64
    assert kinds["units/number/decile"] == np.float32
    assert kinds["units/number/tenure"] == np.float64
    assert not any(kind.hasobject for kind in kinds.values())


def test_the_digest_of_a_bundle_is_not_part_of_what_makes_two_equal(twin):
    assert isinstance(twin.effects["email"], Arms)
    assert len(twin.digest) == 64
    assert bundles.digest_of(b"") == ""
