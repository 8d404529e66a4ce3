"""A twin's file: the same bytes for the same twin, read by numpy alone, refused when a byte is not what it was."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from e2i_shared.twins import bundle as bundles
from e2i_shared.twins.bundle import MAGIC, Arms, DamagedBundleError, Dose
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec


def test_what_is_read_is_what_was_written(trained, twin):
    before = trained.bundle

    assert twin.header == before.header
    assert twin.units.names == before.units.names
    assert twin.twins.n == before.twins.n
    for name in before.units.names:
        assert twin.units.values(name) == pytest.approx(before.units.values(name), rel=1e-6)
    arms, dose = twin.effects["email"], twin.effects["visits"]
    assert isinstance(arms, Arms)
    assert isinstance(dose, Dose)
    assert arms.treated == pytest.approx(before.effects["email"].treated, rel=1e-5, abs=1e-5)
    assert (dose.curve.theta == before.effects["visits"].curve.theta).all()


def test_the_same_twin_has_the_same_bytes(trained, content):
    assert bundles.write(trained.bundle) == content


def test_the_digest_is_of_the_content(content, twin):
    body = content[len(MAGIC) + 64 :]

    assert bundles.digest_of(content) == hashlib.sha256(body).hexdigest() == twin.digest


def test_it_holds_no_pickles(content):
    assert b"cnumpy" not in content
    assert b"\x80\x04" + b"\x95" not in content[:200]


def test_it_is_compact(content):
    assert len(content) < 1_500_000


@pytest.mark.parametrize("at", [0, 20, 100, 5_000, -1])
def test_one_changed_byte_is_refused(content, at):
    damaged = bytearray(content)
    damaged[at] ^= 0x01

    with pytest.raises(DamagedBundleError, match="checksum") as caught:
        bundles.read(bytes(damaged))
    assert "train the twin again" in (caught.value.hint or "")
    assert caught.value.status == 409


@pytest.mark.parametrize("cut", [0, 10, 74, 1_000])
def test_a_cut_file_is_refused(content, cut):
    with pytest.raises(DamagedBundleError):
        bundles.read(content[:cut])


def test_another_twins_file_is_refused(content):
    with pytest.raises(DamagedBundleError, match="not the file that this model was saved with"):
        bundles.read(content, digest="0" * 64)


def test_its_own_digest_is_accepted(content):
    assert bundles.read(content, digest=bundles.digest_of(content)).units.n == 3_000


def test_bytes_with_a_right_checksum_that_are_no_archive_are_refused():
    body = b"not an archive"
    fake = MAGIC + hashlib.sha256(body).hexdigest().encode() + body

    with pytest.raises(DamagedBundleError, match="cannot be read"):
        bundles.read(fake)


def test_an_answer_is_the_same_before_and_after_writing(trained, twin):
    spec = SimulationSpec(intervention_type="email", twin_count=500)
    before, after = (simulate(b, spec, with_charts=False) for b in (trained.bundle, twin))

    assert after.simulated_ate == pytest.approx(before.simulated_ate, rel=1e-4)
    assert after.std_error == pytest.approx(before.std_error, rel=1e-4)


def test_reading_and_simulating_load_no_learner(content, tmp_path):
    path = tmp_path / "twin.bin"
    path.write_bytes(content)
    script = (
        "import sys; from pathlib import Path; from e2i_shared.twins import bundle; "
        "from e2i_shared.twins.simulate import simulate; from e2i_shared.twins.spec import SimulationSpec; "
        f"b = bundle.read(Path({str(path)!r}).read_bytes()); "
        "simulate(b, SimulationSpec(intervention_type='email')); "
        "simulate(b, SimulationSpec(intervention_type='visits')); "
        "print([m for m in ('sklearn', 'xgboost', 'scipy', 'mlflow', 'optuna', 'pyarrow', 'boto3') if m in sys.modules])"
    )
    root = Path(bundles.__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(root)}
    )

    assert found.stdout.strip() == "[]"


def test_missing_values_survive(trained):
    units = trained.bundle.units
    holes = units.numbers["tenure"].copy()
    holes[:5] = np.nan
    changed = bundles.write(
        bundles.Bundle(
            trained.bundle.header,
            trained.bundle.catalogue,
            type(units)(units.n, {**units.numbers, "tenure": holes}, units.categories, units.levels, units.dates),
            trained.bundle.twins,
            trained.bundle.outcome,
            trained.bundle.baseline,
            None,
            trained.bundle.effects,
        )
    )

    assert np.isnan(bundles.read(changed).units.numbers["tenure"][:5]).all()
