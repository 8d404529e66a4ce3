from __future__ import annotations

import pytest
from e2i_shared.api.classification import Domain
from e2i_shared.composer.intents import RANKING, Intent, intent_of


@pytest.mark.parametrize(
    ("domain", "text", "intent"),
    [
        (Domain.CAUSAL, "Did rep visits raise TRx?", Intent.EFFECT),
        (Domain.CAUSAL, "What is the effect of emails on NRx", Intent.EFFECT),
        (Domain.CAUSAL, "does that survive refutation", Intent.ROBUSTNESS),
        (Domain.CAUSAL, "is it robust to unobserved confounding", Intent.ROBUSTNESS),
        (Domain.CAUSAL, "does the effect hold up", Intent.ROBUSTNESS),
        (Domain.CAUSAL, "run a placebo test", Intent.ROBUSTNESS),
        (Domain.CAUSAL, "can we trust it", Intent.ROBUSTNESS),
        (Domain.CAUSAL, "Why did Kisqali TRx drop 15% in Q3?", Intent.CHANGE),
        (Domain.CAUSAL, "why is TRx down", Intent.CHANGE),
        (Domain.CAUSAL, "what caused the drop in TRx", Intent.CHANGE),
        (Domain.CAUSAL, "root cause of the decline", Intent.CHANGE),
        (Domain.CAUSAL, "What drives Kisqali TRx?", Intent.DRIVERS),
        (Domain.CAUSAL, "which levers matter for TRx", Intent.DRIVERS),
        (Domain.SEGMENTATION, "which segments responded most", Intent.SEGMENTS),
        (Domain.SEGMENTATION, "who should get the 500 extra calls", Intent.POLICY),
        (Domain.SEGMENTATION, "how should we allocate the visits", Intent.POLICY),
        (Domain.GAP, "which territories trail the median", Intent.GAP),
        (Domain.GAP, "what is the ROI of closing it", Intent.ROI),
        (Domain.EXPERIMENT, "how large a test do we need", Intent.POWER),
        (Domain.EXPERIMENT, "what sample size detects 0.5 TRx", Intent.POWER),
        (Domain.EXPERIMENT, "what would 20% more calls do to the low responders", Intent.SIMULATION),
        (Domain.EXPERIMENT, "what if we cut visits", Intent.SIMULATION),
        (Domain.EXPERIMENT, "give O'Brien-Fleming stopping boundaries", Intent.BOUNDARIES),
        (Domain.EXPERIMENT, "design an experiment", Intent.DESIGN),
        (Domain.KPI, "TRx by region", Intent.KPI),
        (Domain.PREDICTION, "forecast TRx", Intent.PREDICTION),
        (Domain.MONITORING, "is digital_affinity drifting", Intent.MONITORING),
        (Domain.COHORT, "build a cohort of oncologists", Intent.COHORT),
        (Domain.EXPLANATION, "what does E-value mean", Intent.EXPLANATION),
    ],
)
def test_the_words_of_a_domain_tell_the_intent(domain, text, intent):
    assert intent_of(domain, text) is intent


@pytest.mark.parametrize("domain", list(Domain))
def test_every_domain_has_an_intent_for_any_text(domain):
    assert isinstance(intent_of(domain, ""), Intent)


def test_questions_that_rank_are_recognised():
    assert RANKING.search("which segments responded most")
    assert RANKING.search("whom should we target")
    assert not RANKING.search("does the effect differ by region")
