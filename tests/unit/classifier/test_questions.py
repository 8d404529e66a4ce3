"""Questions that every scorer that is shipped must route as a user would expect."""

from __future__ import annotations

import pytest
from builders_classifier import ask, edges, parts

ONE_KIND = {
    "CAUSAL": [
        "Did increasing speaker programs cause higher NRx for Fabhalta?",
        "What is driving adoption of Xyntriva among cardiologists?",
        "Why has Remibrutinib's market share declined since May?",
        "What impact did the copay card have on patient adherence?",
        "Is there a causal relationship between email engagement and TRx?",
        "waht drives advherence",
        "Which of our levers moved Remibrutinib TRx the most?",
        "Run placebo and random common cause refutations on the effect of copay cards",
        "How strong would a hidden confounder have to be to explain away the nurse support finding?",
        "Was the drop in Kisqali TRx the result of fewer rep visits?",
        "kisqali q3 decline - root cause?",
        "Are copay cards keeping patients on therapy?",
        "What's the correlation between rep visits and TRx?",
        "Why did Kisqali TRx drop in Q3?",
    ],
    "SEGMENTATION": [
        "Which HCP segments are most responsive to digital marketing?",
        "Does the impact of rep visits vary by specialty?",
        "Who should we target with the speaker program to maximize uplift?",
        "Are cardiologists more sensitive to samples than primary care?",
        "wich docs shud we visit next week to get most uplift",
        "Where should we put 500 extra calls to get the most TRx?",
        "Find the low responders to digital engagement",
        "How heterogeneous is the effect of copay cards on adherence?",
        "For whom does nurse support work best?",
        "top segments samples uplift",
        "Rank the top 10 segments by uplift from visits",
        "Who should get 500 extra calls?",
    ],
    "GAP": [
        "What is the gap between our TRx and the benchmark in the South?",
        "Which territories have the largest opportunity for growth?",
        "Calculate the ROI of closing the performance gap in the West",
        "How does the Northeast compare to top-performing regions?",
        "Where are we underperforming relative to target?",
        "How is Fabhalta performing compared to plan?",
        "kisqali vs plan",
        "roi emails",
        "What's the payback period on the speaker program?",
        "Where do we leave the most prescriptions on the table?",
        "How far is the West from its TRx target?",
    ],
    "EXPERIMENT": [
        "Design an A/B test to evaluate the new email campaign",
        "How many patients do we need to detect a 5% improvement in adherence?",
        "What if we increase the number of rep visits by 30%?",
        "Simulate the impact of reducing samples by 25% in the Midwest",
        "What is the power of a test with 150 HCPs per arm?",
        "What would happen to Kisqali sales if we stopped all digital marketing?",
        "power 200/arm",
        "Give me O'Brien-Fleming stopping boundaries for three interim looks",
        "If we cut calls by 10% in the Midwest, what happens to TRx?",
        "Should we run a test before rolling out the copay program nationwide?",
        "mde for n=150/arm",
    ],
    "PREDICTION": [
        "Predict Kisqali TRx for the next six months",
        "Which HCPs are at risk of churning?",
        "What is the likelihood that a patient discontinues within 90 days?",
        "Forecast Fabhalta NRx by region for Q1 2027",
        "How many new patients will start Remibrutinib next quarter?",
        "ned forcast of trx for q1",
        "forecast fabh",
        "Score all HCPs by churn risk",
        "Will we hit 10,000 TRx by year end?",
        "Who's about to drop off therapy?",
        "Forecast Kisqali TRx for the next 6 months",
    ],
    "MONITORING": [
        "Is there any data drift in the HCP features?",
        "Check the data quality of the sample drop feed",
        "Has the distribution of rep visits changed over the last quarter?",
        "Is our TRx data missing anything?",
        "drift?",
        "Compute the PSI of decile between Q2 and Q3",
        "Is our churn model still performing as it should?",
        "Are there anomalies in TRx this month?",
        "Is the samples data complete for the West?",
        "Has the mix of specialties shifted since launch?",
        "Is the data feed healthy?",
    ],
    "KPI": [
        "What was the total TRx for Kisqali last month?",
        "Show me NRx by specialty for Q2",
        "how many zolgexa scripts in july",
        "Compare Entresto and Kisqali new patient starts last quarter",
        "Which payers have the lowest adherence?",
        "Rank territories by TRx",
        "kisqali trx per region past 2 quarters",
        "ytd trx",
        "How many rep visits did we make in the West last month?",
        "Top 10 territories by TRx in Q3",
    ],
    "COHORT": [
        "Build a cohort of patients aged 18 to 65 with at least two prior therapies",
        "Define an HCP cohort: oncologists in decile 8-10 in the Northeast",
        "How many patients meet the inclusion criteria for the Kisqali study?",
        "cohort 65+ medicare kisqali",
        "List all HCPs in the Northeast",
        "Show attrition step by step for the inclusion/exclusion criteria",
        "Who qualifies for the Remibrutinib trial: adults under 50, no prior therapy?",
        "Find patients eligible for the copay program",
        "Build a cohort of HCPs with decile ≥ 8",
    ],
    "EXPLANATION": [
        "Explain the results of the last causal analysis",
        "What does a p-value of 0.03 mean?",
        "Can you explain what PSI is?",
        "What is NRx?",
        "explain psi",
        "What is an E-value?",
        "How should I interpret a confidence interval that includes zero?",
        "What's the difference between ATE and CATE?",
        "Summarise the findings of the last composition",
    ],
}


@pytest.mark.parametrize(
    ("domain", "query"), [(domain, query) for domain, queries in ONE_KIND.items() for query in queries]
)
def test_a_question_of_one_kind_goes_to_its_agent(domain: str, query: str):
    found = ask(query)

    assert found.routing_pattern == "SINGLE_AGENT"
    assert [score.domain.value for score in found.domains] == [domain]


@pytest.mark.parametrize(
    ("query", "domains"),
    [
        ("What was NRx for Kisqali last quarter, and is there any drift in the patient data?", {"KPI", "MONITORING"}),
        ("Forecast Kisqali TRx for Q1, and explain what uplift means.", {"PREDICTION", "EXPLANATION"}),
        ("Which territories are below target, and are there any anomalies in the email data?", {"GAP", "MONITORING"}),
        ("Did samples increase Fabhalta NRx, and what is the adherence rate for Remibrutinib?", {"CAUSAL", "KPI"}),
        ("Build a cohort of oncologists in the South, and show me last month's TRx by brand.", {"COHORT", "KPI"}),
        (
            "Design a test for the new webinar, predict churn for Midwest HCPs, and report Q3 sales.",
            {"EXPERIMENT", "PREDICTION", "KPI"},
        ),
        ("1) TRx by region 2) drift in payer mix 3) why Kisqali fell in the Midwest", {"KPI", "MONITORING", "CAUSAL"}),
        ("Show Kisqali TRx by month. Separately, what is the ROI of the speaker program?", {"KPI", "GAP"}),
        ("sales by brand, churn risk by hcp", {"KPI", "PREDICTION"}),
    ],
)
def test_questions_that_do_not_need_each_other_run_in_parallel(query: str, domains: set[str]):
    found = ask(query)

    assert found.routing_pattern == "PARALLEL_DELEGATION"
    assert set(parts(found)) == domains
    assert edges(found) == set()


COMPOSED = [
    (
        "Did more rep visits raise Kisqali TRx in the Northeast, which segments responded most, and what would 20% more calls do to the low responders?",
        ["CAUSAL", "SEGMENTATION", "EXPERIMENT"],
        {("Q1", "Q2", "LOGICAL_SEQUENCE"), ("Q2", "Q3", "ENTITY_TRANSFORMATION")},
    ),
    (
        "What is the effect of the email campaign on NRx? Then use that to size an experiment.",
        ["CAUSAL", "EXPERIMENT"],
        {("Q1", "Q2", "LOGICAL_SEQUENCE")},
    ),
    (
        "Did rep visits increase TRx, and if so, how many HCPs would we need to test it?",
        ["CAUSAL", "EXPERIMENT"],
        {("Q1", "Q2", "CONDITIONAL")},
    ),
    (
        "Identify the low responders to samples and simulate what would happen if we switched them to emails.",
        ["SEGMENTATION", "EXPERIMENT"],
        {("Q1", "Q2", "ENTITY_TRANSFORMATION")},
    ),
    (
        "Build a cohort of Medicare patients on Fabhalta, then predict their discontinuation risk.",
        ["COHORT", "PREDICTION"],
        {("Q1", "Q2", "ENTITY_TRANSFORMATION")},
    ),
    (
        "Before forecasting next quarter's TRx, check whether the data is complete.",
        ["PREDICTION", "MONITORING"],
        {("Q2", "Q1", "LOGICAL_SEQUENCE")},
    ),
    (
        "Size a trial of speaker programs after estimating their effect on NRx.",
        ["EXPERIMENT", "CAUSAL"],
        {("Q2", "Q1", "LOGICAL_SEQUENCE")},
    ),
    (
        "What is the TRx trend for Fabhalta, and will it continue next quarter?",
        ["KPI", "PREDICTION"],
        {("Q1", "Q2", "REFERENCE_CHAIN")},
    ),
    (
        "Unless the gap is closing on its own, simulate 10% more visits in the laggard territories.",
        ["GAP", "EXPERIMENT"],
        {("Q1", "Q2", "CONDITIONAL")},
    ),
    (
        "Estimate the effect of samples; if it's robust, compute ROI; if not, design an experiment.",
        ["CAUSAL", "GAP", "EXPERIMENT"],
        {("Q1", "Q2", "CONDITIONAL"), ("Q1", "Q3", "CONDITIONAL")},
    ),
    (
        "Tell me which HCPs are most likely to prescribe Fabhalta next month and why",
        ["PREDICTION", "CAUSAL"],
        {("Q1", "Q2", "REFERENCE_CHAIN")},
    ),
]


@pytest.mark.parametrize(("query", "domains", "links"), COMPOSED)
def test_questions_that_need_each_other_are_composed(query: str, domains: list[str], links: set[tuple[str, str, str]]):
    found = ask(query)

    assert found.routing_pattern == "TOOL_COMPOSER"
    assert parts(found) == domains
    assert edges(found) == links


@pytest.mark.parametrize(("query", "domains", "links"), COMPOSED)
def test_the_primary_domain_is_the_one_that_is_answered_first(
    query: str, domains: list[str], links: set[tuple[str, str, str]]
):
    needed = {source for source, _, _ in links} - {to for _, to, _ in links}

    first = min(int(name[1:]) for name in needed)

    assert ask(query).domains[0].domain == domains[first - 1]


@pytest.mark.parametrize(
    "query",
    [
        "Did calls, emails, samples and speaker events raise TRx?",
        "TRx, NRx and sales for Kisqali and Fabhalta by region, month and specialty",
        "Did samples raise TRx, and did emails?",
        "Show Kisqali TRx by region and Fabhalta TRx by region.",
        "What is TRx and what is NRx?",
        "Did rep visits raise TRx, and did samples raise TRx?",
    ],
)
def test_many_parts_of_one_kind_stay_with_one_agent(query: str):
    assert ask(query).routing_pattern == "SINGLE_AGENT"
