"""A trained twin as one file: arrays without pickles, a JSON header, and the SHA-256 of both in front.

``write(bundle)`` gives bytes, the same for the same twin; ``read(content, digest)`` gives the bundle back with numpy alone, and
raises DamagedBundleError where a byte is missing or changed. ``digest_of`` names the version that a simulation is cached under.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from e2i_shared.api.datasets import Dataset
from e2i_shared.errors import ConflictError
from e2i_shared.twins.curve import Curve
from e2i_shared.twins.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from e2i_shared.api.common import Json

    Floats = NDArray[np.float64]
    Arrays = dict[str, NDArray[Any]]

MAGIC: Final = b"E2I-TWIN-1\n"
_DIGEST = 64
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, StopIteration, EOFError, OSError, zipfile.BadZipFile)
_CURVE_PARTS = ("theta", "smoother", "inverse", "knots", "left", "pull", "jackknife")


class DamagedBundleError(ConflictError):
    """A bundle that is not, or no longer, what training wrote."""

    title = "The twin's file is damaged"


@dataclass(frozen=True, slots=True)
class Arms:
    """A 0/1 intervention: scores ``treated`` and ``control`` (R, n), ``smoother`` (n,), ``propensity`` (n,), τ̂ of units and twins."""

    treated: Floats
    control: Floats
    smoother: Floats
    propensity: Floats
    effect: Floats
    twins: Floats


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose: its curve, the twins' modifiers (m, k), and the variance that features leave of it (n,), as a share of its own."""

    curve: Curve
    twins: Floats
    left_share: Floats


@dataclass(frozen=True, slots=True)
class Bundle:
    """What ``simulate`` needs. ``units`` are the training rows (n), ``twins`` the population (m); both hold the interventions too.

    ``header`` (JSON): ``spec``, ``outcome`` (name, unit, sd, binary), ``interventions`` (name → kind, labels, synonyms, figures),
    ``population`` (realism), ``fidelity``, ``icc``, ``cluster_size``, ``cluster_name``. ``catalogue`` describes columns for filters.
    """

    header: Json
    catalogue: Dataset
    units: Table
    twins: Table
    outcome: Floats
    baseline: Floats
    clusters: NDArray[np.intp] | None
    effects: Mapping[str, Arms | Dose]
    digest: str = field(default="", compare=False)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 that a written bundle carries in front."""
    return content[len(MAGIC) : len(MAGIC) + _DIGEST].decode("ascii", "replace")


def write(bundle: Bundle) -> bytes:
    """Return the bundle as bytes: single precision for what was estimated of each row, double for coefficients."""
    arrays: Arrays = {"outcome": bundle.outcome.astype(np.float32), "baseline": bundle.baseline.astype(np.float32)}
    if bundle.clusters is not None:
        arrays["clusters"] = bundle.clusters.astype(np.int32)
    for where, table in (("units", bundle.units), ("twins", bundle.twins)):
        arrays |= {f"{where}/number/{n}": _exact(v) for n, v in table.numbers.items()}
        arrays |= {f"{where}/code/{n}": v.astype(np.int32) for n, v in table.categories.items()}
    kinds = {}
    for name, effect in bundle.effects.items():
        kinds[name] = "binary" if isinstance(effect, Arms) else "dose"
        arrays |= _arms(name, effect) if isinstance(effect, Arms) else _dose(name, effect)
    header = {
        "header": bundle.header,
        "catalogue": bundle.catalogue.model_dump(mode="json"),
        "levels": {n: list(v) for n, v in bundle.units.levels.items()},
        "dates": sorted(bundle.units.dates),
        "columns": {"number": list(bundle.units.numbers), "code": list(bundle.units.categories)},
        "kinds": kinds,
        "ranges": {n: [e.curve.support, e.curve.reach] for n, e in bundle.effects.items() if isinstance(e, Dose)},
    }
    text = json.dumps(header, sort_keys=True, allow_nan=False).encode()
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, header=np.frombuffer(text, dtype=np.uint8), **arrays)
    content = stream.getvalue()
    return MAGIC + hashlib.sha256(content).hexdigest().encode() + content


def read(content: bytes, digest: str | None = None) -> Bundle:
    """Return the bundle; ``digest`` is what the database says it must be.

    Raises DamagedBundleError for bytes that are no bundle, are cut or changed, or are another twin's.
    """
    known = digest_of(content)
    body = memoryview(content)[len(MAGIC) + _DIGEST :]
    if not content.startswith(MAGIC) or hashlib.sha256(body).hexdigest() != known:
        raise _damaged("Its checksum does not fit its content.", known or "no checksum")
    if digest is not None and digest != known:
        raise _damaged("It is not the file that this model was saved with.", known)
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        return _bundle(json.loads(arrays["header"].tobytes()), arrays, known)
    except _UNREADABLE as error:
        raise _damaged("It cannot be read.", known) from error


def _damaged(what: str, got: str) -> DamagedBundleError:
    return DamagedBundleError(
        f"The twin's file cannot be used. {what}",
        field="twin_id",
        expected="the bundle that training wrote",
        got=got[:_DIGEST],
        hint="Activate an earlier version, or train the twin again.",
    )


def _exact(values: Floats) -> NDArray[Any]:
    """Return a column in single precision where that holds its very values: filters and doses are compared with them."""
    narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def _arms(name: str, effect: Arms) -> Arrays:
    parts = ("treated", "control", "smoother", "propensity", "effect", "twins")
    return {f"effect/{name}/{part}": getattr(effect, part).astype(np.float32) for part in parts}


def _dose(name: str, effect: Dose) -> Arrays:
    found: Arrays = {
        f"effect/{name}/{part}": getattr(effect.curve, part) for part in ("theta", "smoother", "inverse", "knots")
    }
    found |= {
        f"effect/{name}/{part}": getattr(effect.curve, part).astype(np.float32)
        for part in ("left", "pull", "jackknife")
    }
    found[f"effect/{name}/left_share"] = effect.left_share.astype(np.float32)
    # The modifiers are the same for every dose.
    return found | {
        "modifiers/units": effect.curve.phi.astype(np.float32),
        "modifiers/twins": effect.twins.astype(np.float32),
    }


def _bundle(header: Json, arrays: Arrays, digest: str) -> Bundle:
    tables = {where: _table(header, arrays, where) for where in ("units", "twins")}
    effects: dict[str, Arms | Dose] = {}
    for name, kind in header["kinds"].items():
        parts = {key.rsplit("/", 1)[1]: _double(a) for key, a in arrays.items() if key.startswith(f"effect/{name}/")}
        if kind == "binary":
            effects[name] = Arms(**parts)
            continue
        parts.setdefault("jackknife", np.ones_like(parts["pull"]))  # files of earlier versions have none
        support, reach = (tuple(pair) for pair in header["ranges"][name])
        curve = Curve(
            **{part: parts[part] for part in _CURVE_PARTS},
            phi=_double(arrays["modifiers/units"]),
            dose=tables["units"].numbers[name],
            support=support,
            reach=reach,
        )
        effects[name] = Dose(curve, _double(arrays["modifiers/twins"]), parts["left_share"])
    return Bundle(
        header=header["header"],
        catalogue=Dataset.model_validate(header["catalogue"]),
        units=tables["units"],
        twins=tables["twins"],
        outcome=_double(arrays["outcome"]),
        baseline=_double(arrays["baseline"]),
        clusters=arrays["clusters"].astype(np.intp) if "clusters" in arrays else None,
        effects=effects,
        digest=digest,
    )


def _table(header: Json, arrays: Arrays, where: str) -> Table:
    numbers = {name: _double(arrays[f"{where}/number/{name}"]) for name in header["columns"]["number"]}
    codes = {name: _double(arrays[f"{where}/code/{name}"]) for name in header["columns"]["code"]}
    levels = {name: tuple(held) for name, held in header["levels"].items()}
    size = next(iter((numbers | codes).values()))
    return Table(len(size), numbers, codes, levels, frozenset(header["dates"]))


def _double(values: NDArray[Any]) -> Floats:
    return np.asarray(values, dtype=np.float64)
