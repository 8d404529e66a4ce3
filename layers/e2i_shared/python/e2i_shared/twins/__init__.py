"""Digital twins: learned from a data set, simulated with an interval that holds, checked against what really happened.

::

    spec.py        what is asked (TwinSpec, SimulationSpec, Thresholds), cache_key
    train.py       train(data, spec) → Trained: bundle, metrics, figures, warnings      [image: XGBoost]
      check · propensity · matching · population (rules, marginal, realism) · effects · doses · regress · figures
    bundle.py      write(bundle) → bytes, read(bytes, digest) → Bundle                  [numpy only from here on]
    simulate.py    simulate(bundle, spec, history) → Simulation (results.py)
      question · dosing (which contrast, or a refusal) · contrast · curve · evidence · segments · advise · charts
    fidelity.py    accuracy, grades, similarity, degradation, retraining, past errors
    neighbours.py  what a twin expects of one entity, and of held-out units
    entity.py      a single entity's twin: versions by events, as-of reads, differences
"""
