from __future__ import annotations

import pytest
from e2i_shared.api.classification import Domain
from e2i_shared.composer.intents import DECISION, RANKING, TARGETING, Intent, intent_of, settled_domain


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
        (Domain.CAUSAL, "What happened to Kisqali in September?", Intent.CHANGE),
        (Domain.CAUSAL, "Why are Medicaid patients less adherent?", Intent.CHANGE),
        (Domain.CAUSAL, "Why do Fabhalta patients discontinue?", Intent.DRIVERS),
        (Domain.CAUSAL, "How confident are we that rep visits work?", Intent.ROBUSTNESS),
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
        (Domain.PREDICTION, "forecast TRx", Intent.FORECAST),
        (Domain.PREDICTION, "which patients are at risk of discontinuing", Intent.RISK),
        (Domain.PREDICTION, "who will stop therapy", Intent.RISK),
        (Domain.PREDICTION, "how likely is a patient to get the copay card", Intent.PROPENSITY),
        (Domain.PREDICTION, "the propensity of rep visits", Intent.PROPENSITY),
        (Domain.MONITORING, "is digital_affinity drifting", Intent.DRIFT),
        (Domain.MONITORING, "did the distribution of calls shift", Intent.DRIFT),
        (Domain.MONITORING, "compare the distribution of age between men and women", Intent.COMPARISON),
        (Domain.MONITORING, "is the data healthy", Intent.HEALTH),
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


@pytest.mark.parametrize(
    ("domain", "text", "meant"),
    [
        (Domain.EXPLANATION, "what are the O'Brien-Fleming boundaries for 4 looks", Domain.EXPERIMENT),
        (Domain.CAUSAL, "Estimate the propensity of speaker program attendance", Domain.PREDICTION),
        (Domain.EXPERIMENT, "How should we allocate 1,000 samples across oncologists", Domain.SEGMENTATION),
        (Domain.MONITORING, "can we trust it", Domain.CAUSAL),
        (Domain.PREDICTION, "Are we on track to hit target?", Domain.KPI),
        (Domain.CAUSAL, "Is adherence improving?", Domain.KPI),
        (Domain.EXPERIMENT, "How confident are we that nurse support works?", Domain.CAUSAL),
        (Domain.CAUSAL, "Is there a seasonal pattern in TRx?", Domain.KPI),
        (Domain.EXPERIMENT, "How many samples does it take to get one more prescription?", Domain.CAUSAL),
        (Domain.COHORT, "Do copay cards improve adherence for patients over 65?", Domain.CAUSAL),
        (Domain.GAP, "Compare earnings between married and unmarried men", Domain.MONITORING),
    ],
)
def test_words_that_only_one_tool_understands_overrule_the_router(domain, text, meant):
    assert settled_domain(domain, text) is meant


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        (Domain.EXPLANATION, "what is O'Brien-Fleming"),
        (Domain.EXPLANATION, "what is a propensity score"),
        (Domain.EXPERIMENT, "how large a test do we need"),
        (Domain.PREDICTION, "will we hit the target next quarter"),
        (Domain.EXPERIMENT, "how many patients do we need to detect a lift"),
        (Domain.COHORT, "Build a cohort of patients whose adherence improved"),
        (Domain.GAP, "compare territories with the median"),
        (Domain.SEGMENTATION, "compare the effect between men and women"),
    ],
)
def test_other_words_leave_the_router_its_say(domain, text):
    assert settled_domain(domain, text) is domain


DECISIONS = [
    "Is nurse support worth it?",
    "Are rep visits worth the cost?",
    "Is it worth sending more emails?",
    "Should we send more reps to oncologists in the West?",
    "Should we stop speaker programs?",
    "Should we roll out nurse support to Medicaid patients?",
]


@pytest.mark.parametrize("text", DECISIONS)
@pytest.mark.parametrize("domain", [Domain.GAP, Domain.EXPERIMENT, Domain.SEGMENTATION, Domain.KPI])
def test_whether_to_do_more_of_something_asks_for_its_effect(domain, text):
    assert settled_domain(domain, text) is Domain.CAUSAL
    assert DECISION.search(text)


@pytest.mark.parametrize(
    ("domain", "text", "meant"),
    [
        (Domain.GAP, "Is closing the gap between territories worth it?", Domain.GAP),
        (Domain.SEGMENTATION, "Are speaker programs worth it at $2000 a program?", Domain.GAP),
        (Domain.EXPERIMENT, "Should we run a test of more rep visits?", Domain.EXPERIMENT),
        (Domain.SEGMENTATION, "Which doctors are worth visiting more?", Domain.SEGMENTATION),
        (Domain.EXPERIMENT, "How many more patients should we enrol?", Domain.EXPERIMENT),
    ],
)
def test_a_gap_a_price_and_a_test_keep_their_own_tools(domain, text, meant):
    assert settled_domain(domain, text) is meant


@pytest.mark.parametrize(
    "text",
    [
        "Are copay cards reaching the right patients?",
        "Are we visiting the right doctors?",
        "Is nurse support going to those who benefit?",
        "Are speaker programs well targeted?",
    ],
)
def test_whether_the_right_ones_get_it_is_about_segments(text):
    assert settled_domain(Domain.CAUSAL, text) is Domain.SEGMENTATION
    assert TARGETING.search(text)


def test_an_effect_is_not_read_as_targeting():
    assert not TARGETING.search("Do copay cards improve adherence for the right reasons?")
    assert settled_domain(Domain.CAUSAL, "Do rep visits raise TRx?") is Domain.CAUSAL
