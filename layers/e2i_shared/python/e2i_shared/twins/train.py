"""Learns a twin from a data set, in steps that report progress and can be stopped between any two.

``train(data, spec, …)`` → ``Trained``: the ``bundle`` (write it with ``bundle.write``), the ``metrics`` and ``parameters`` to log, and
``warnings``. ``progress(phase, percent)`` is called at the start of each step; ``cancelled()`` is asked there too and ends the
training with TrainingCancelledError. Every refusal is an InputError that the job can end FAILED with.

1. ``check.gather``: read and validate   2. ``propensity_models``: who receives what   3. ``twin_pairs``: matching
4. ``draw_twins``: the population        5. ``learn_effects``: scores, τ(x), dose curves, baseline   6. ``assemble``: the bundle
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal import nuisance
from e2i_shared.causal.design import encode
from e2i_shared.causal.inference import intracluster_correlation
from e2i_shared.causal.study import Settings, Study
from e2i_shared.errors import ConflictError, NoOverlapError
from e2i_shared.twins import realism
from e2i_shared.twins.bundle import Arms, Bundle, Dose
from e2i_shared.twins.check import gather
from e2i_shared.twins.doses import dose_effect
from e2i_shared.twins.effects import arm_effect
from e2i_shared.twins.figures import figures_of, metrics_of, said, unbalanced, warnings_of
from e2i_shared.twins.matching import balanced_match
from e2i_shared.twins.population import population
from e2i_shared.twins.propensity import train_propensity_model
from e2i_shared.twins.regress import Learner, regress
from e2i_shared.twins.rules import discover
from e2i_shared.twins.table import stacked, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2i_shared.api.common import Json
    from e2i_shared.causal.design import Design
    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.twins.check import Material
    from e2i_shared.twins.matching import Matching
    from e2i_shared.twins.propensity import PropensityModel
    from e2i_shared.twins.regress import Regression
    from e2i_shared.twins.spec import TwinSpec
    from e2i_shared.twins.table import Table

PHASES = ("read", "propensity", "matching", "population", "effects", "bundle")
_STARTS = {"read": 0, "propensity": 5, "matching": 25, "population": 30, "effects": 40, "bundle": 95, "done": 100}
BASELINE_FOLDS = 3
REPEATS, REPEATED_BELOW = 3, 20_000  # of the propensity's cross-fitting


class TrainingCancelledError(ConflictError):
    """Somebody stopped the training; nothing was kept of it."""

    title = "Training was cancelled"


@dataclass(frozen=True, slots=True)
class Trained:
    """A twin with what its training found: ``metrics`` are numbers by name, ``figures`` everything as JSON."""

    bundle: Bundle
    metrics: Mapping[str, float]
    figures: Json
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reporter:
    """Where a training stands, and whether it goes on."""

    progress: Callable[[str, int], None] = lambda _phase, _percent: None
    cancelled: Callable[[], bool] = lambda: False

    def at(self, phase: str, share: float = 0.0) -> None:
        """Report a phase, ``share`` of it done; raise TrainingCancelledError where it was stopped."""
        if self.cancelled():
            raise TrainingCancelledError("The training was cancelled.", field="job_id", got=phase)
        starts = list(_STARTS.values())
        first = _STARTS[phase]
        following = starts[min(starts.index(first) + 1, len(starts) - 1)]
        self.progress(phase, int(first + share * (following - first)))


def train(data: DataSource, spec: TwinSpec, *, threads: int = 1, report: Reporter | None = None) -> Trained:
    """Learn the twin that ``spec`` describes; raise an InputError that says why not, or TrainingCancelledError."""
    report = report or Reporter()
    report.at("read")
    material = gather(data, spec)
    settings = Settings(seed=spec.seed, threads=threads)
    studies = studies_of(material)
    report.at("propensity")
    models = propensity_models(studies, settings, spec, report)
    report.at("matching")
    pairs, unpaired = twin_pairs(studies, models, spec)
    report.at("population")
    units = table_of(material.frame, {i.name: i.values for i in material.interventions})
    twins, figures = draw_twins(units, spec)
    report.at("effects")
    features = table_of(material.frame)
    designs = encoded_alike(features, twins)
    baseline = fit_baseline(material, units, twins, settings)
    effects, quality = learn_effects(studies, models, designs, settings, spec, report)
    report.at("bundle")
    found = figures_of(material, models, pairs, quality, baseline, figures)
    bundle = assemble(material, spec, units, twins, baseline, effects, found)
    report.at("done")
    return Trained(
        bundle,
        metrics_of(found),
        found,
        (*material.warnings, *_without_a_curve(material, spec), *unpaired, *warnings_of(found)),
    )


def _without_a_curve(material: Material, spec: TwinSpec) -> list[str]:
    """Return what ``monotone`` cannot mean: an intervention that is received or not has no curve."""
    return [
        f"monotone: {one.name!r} is received or not, without a dose: there is no curve to keep {spec.monotone[one.name]}."
        for one in material.interventions
        if one.name in spec.monotone and one.kind == "binary"
    ]


def studies_of(material: Material) -> dict[str, Study]:
    """Return one study per intervention, each adjusted for the features and for the other interventions."""
    design = encode(table_of(material.frame).covariates(), material.n)
    found = {}
    for own in material.interventions:
        others = [i.values for i in material.interventions if i.name != own.name]
        found[own.name] = Study(
            outcome=material.outcome,
            treatment=own.values,
            design=design.with_columns(np.column_stack(others), "other interventions") if others else design,
            clusters=material.clusters,
            treatment_name=own.name,
            outcome_name=material.outcome_name,
        )
    return found


def propensity_models(
    studies: Mapping[str, Study], settings: Settings, spec: TwinSpec, report: Reporter
) -> dict[str, PropensityModel]:
    """Return the propensity model of each 0/1 intervention; raise NoOverlapError where hardly anyone could have had either."""
    binary = {name: study for name, study in studies.items() if study.kind == "binary"}
    found = {}
    for number, (name, study) in enumerate(binary.items()):
        report.at("propensity", number / len(binary))
        learners = _learners(study, settings)
        model = train_propensity_model(
            study.treatment,
            study.design,
            learners[0],
            search_seconds=spec.search_seconds / len(binary),
            again=learners[1:],
        )
        if model.effective_size < 20 or model.share_outside > 0.9:
            raise NoOverlapError(
                f"Units with and without {name!r} are too unlike to learn from: {model.share_outside:.0%} of rows have a "
                f"probability of it outside [0.05, 0.95].",
                field="interventions",
                expected="units that could have had either",
                got=f"{model.share_outside:.0%} outside",
                hint=f"Leave out {name!r}, or a feature that decides it.",
            )
        found[name] = model
    return found


def _learners(study: Study, settings: Settings) -> list[Learner]:
    count = nuisance.fold_count(study, settings)
    seeds = [settings.seed + 1_000 * r for r in range(REPEATS if study.n < REPEATED_BELOW else 1)]
    return [
        Learner(nuisance.draw_folds(study, count, seed), binary=True, seed=seed, threads=settings.threads)
        for seed in seeds
    ]


def twin_pairs(
    studies: Mapping[str, Study], models: Mapping[str, PropensityModel], spec: TwinSpec
) -> tuple[dict[str, Matching], list[str]]:
    """Match treated and untreated units of each 0/1 intervention; return the pairs, and warnings that name what stays unlike."""
    pairs = {
        name: balanced_match(studies[name], model.values, replacement=spec.replacement)
        for name, model in models.items()
    }
    unlike = [
        f"Pairs for {name!r} stay unlike, at 0.1 standard deviations or more: {unbalanced(found)}."
        for name, found in pairs.items()
        if not found.valid
    ]
    return pairs, unlike


def draw_twins(units: Table, spec: TwinSpec) -> tuple[Table, Json]:
    """Draw the population and judge it against the units; return both."""
    rules = discover(units.numbers, units.categories)
    twins = population(units, spec.twins, seed=spec.seed, method=spec.population)
    found = realism.compare(units, twins, rules, seed=spec.seed)
    return twins, found.figures() | {"rules": [said(rule) for rule in rules.every], "method": spec.population}


def encoded_alike(features: Table, twins: Table) -> tuple[Design, Design]:
    """Return the features of units and twins as designs with the same columns."""
    own = replace(twins, numbers={n: twins.numbers[n] for n in features.numbers})
    both = encode(stacked(features, own).covariates(), features.n + twins.n)
    rows = np.arange(features.n + twins.n)
    return both.take(rows[: features.n]), both.take(rows[features.n :])


def fit_baseline(material: Material, units: Table, twins: Table, settings: Settings) -> Regression:
    """Return E[Y | features, interventions as recorded] of units, out of fold, and twins."""
    both = encode(stacked(units, twins).covariates(), units.n + twins.n)
    rows = np.arange(units.n + twins.n)
    study = Study(material.outcome, material.outcome, both.take(rows[: units.n]), material.clusters)
    folds = nuisance.draw_folds(study, BASELINE_FOLDS, settings.seed)
    learner = Learner(folds, "least", seed=settings.seed, threads=settings.threads)
    return regress(material.outcome, study.design, learner, both.take(rows[units.n :]))


def learn_effects(
    studies: Mapping[str, Study],
    models: Mapping[str, PropensityModel],
    designs: tuple[Design, Design],
    settings: Settings,
    spec: TwinSpec,
    report: Reporter,
) -> tuple[dict[str, Arms | Dose], dict[str, dict[str, float]]]:
    """Return what each intervention does, and the out-of-fold quality of its models."""
    effects: dict[str, Arms | Dose] = {}
    quality = {}
    for number, (name, study) in enumerate(studies.items()):
        report.at("effects", number / len(studies))
        if study.kind == "binary":
            arms = arm_effect(study, settings, models[name] if spec.search_seconds else None, designs)
            effects[name] = Arms(arms.treated, arms.control, arms.smoother, arms.propensity, arms.effect, arms.twins)
            quality[name] = arms.quality
        else:
            dose = dose_effect(study, settings, designs[0].linear)
            phi = np.column_stack([np.ones(len(designs[1].linear)), designs[1].linear[:, : dose.curve.slopes - 1]])
            effects[name] = Dose(dose.curve, phi, dose.left_share)
            quality[name] = dose.quality
    return effects, quality


def assemble(
    material: Material,
    spec: TwinSpec,
    units: Table,
    twins: Table,
    baseline: Regression,
    effects: Mapping[str, Arms | Dose],
    figures: Json,
) -> Bundle:
    """Put everything that ``simulate`` needs into one bundle."""
    column = material.dataset.column(spec.outcome)
    icc = intracluster_correlation(material.outcome - baseline.held_out, material.clusters)
    sizes = np.bincount(material.clusters) if material.clusters is not None else np.ones(1)
    header: Json = {
        "spec": spec.model_dump(mode="json"),
        "outcome": {
            "name": spec.outcome,
            "unit": column.unit if column else None,
            "mean": float(material.outcome.mean()),
            "sd": float(material.outcome.std(ddof=1)),
            "binary": bool(np.isin(material.outcome, (0.0, 1.0)).all()),
        },
        "interventions": {
            i.name: {"kind": i.kind, "labels": i.labels, "synonyms": list(i.synonyms)} for i in material.interventions
        },
        "population": figures["population"],
        "fidelity": figures["population"]["score"],
        "residual_sd": float((material.outcome - baseline.held_out).std()),
        "icc": icc,
        "cluster_size": float(sizes.mean()),
        "cluster_name": material.cluster_name,
        "n": material.n,
    }
    header = json.loads(json.dumps(header))  # as it will be read
    kept = [c for c in material.dataset.columns if c.name in units.names]
    catalogue = material.dataset.model_copy(update={"columns": kept, "rows": material.n})
    limits = (0.0, 1.0) if header["outcome"]["binary"] else (-np.inf, np.inf)
    return Bundle(
        header, catalogue, units, twins, material.outcome, baseline.twins.clip(*limits), material.clusters, effects
    )
