-- name: open_budget
-- Begin a period's budget with the standing cap of its subject, else of everybody in its scope, else the default.
INSERT INTO budgets (tenant_id, scope, subject, period_start, cap_usd)
VALUES (
    require_tenant(), %(scope)s, %(subject)s, %(period)s::date,
    COALESCE(
        (SELECT b.cap_usd FROM budgets AS b WHERE b.scope = %(scope)s AND b.subject = %(subject)s AND b.period_start = '-infinity'),
        (SELECT b.cap_usd FROM budgets AS b WHERE b.scope = %(scope)s AND b.subject = '' AND b.period_start = '-infinity'),
        %(cap)s
    )
)
ON CONFLICT (tenant_id, scope, subject, period_start) DO NOTHING;

-- name: hold
-- Hold an amount against a budget; no row: it would pass the cap.
UPDATE budgets
SET reserved_usd = reserved_usd + %(usd)s, updated_at = clock_timestamp()
WHERE scope = %(scope)s AND subject = %(subject)s AND period_start = %(period)s::date
  AND spent_usd + reserved_usd + %(usd)s <= cap_usd
RETURNING cap_usd;

-- name: read_budget
-- What is left of a budget.
SELECT cap_usd, reserved_usd, spent_usd FROM budgets
WHERE scope = %(scope)s AND subject = %(subject)s AND period_start = %(period)s::date;

-- name: spend
-- Turn a hold into what was spent.
UPDATE budgets
SET reserved_usd = GREATEST(reserved_usd - %(held)s, 0), spent_usd = spent_usd + %(spent)s, updated_at = clock_timestamp()
WHERE scope = %(scope)s AND subject = %(subject)s AND period_start = %(period)s::date;

-- name: reserve
-- Write down a call that is about to be made.
INSERT INTO llm_usage (
    tenant_id, composition_id, session_id, user_id, phase, provider, model, reserved_usd, attempts, prompt, price_table
)
VALUES (
    require_tenant(), %(composition_id)s, %(session_id)s, %(user_id)s, %(phase)s, %(provider)s, %(model)s, %(usd)s,
    %(attempt)s, %(prompt)s, %(price_table)s
)
RETURNING usage_id::text;

-- name: settle
-- Write down what became of a call, once.
UPDATE llm_usage
SET outcome = %(outcome)s, cost_usd = %(usd)s, latency_ms = %(latency_ms)s, request_id = %(request_id)s,
    tokens_in = %(tokens_in)s, tokens_out = %(tokens_out)s, tokens_cached = %(cache_read)s,
    tokens_cache_write_short = %(cache_write_short)s, tokens_cache_write_long = %(cache_write_long)s,
    tokens_reasoning = %(reasoning)s, settled_at = clock_timestamp()
WHERE usage_id = %(usage_id)s AND settled_at IS NULL
RETURNING reserved_usd, cost_usd, user_id, composition_id::text, (created_at AT TIME ZONE 'UTC')::date AS day;

-- name: abandoned
-- Calls whose process died before it settled them.
SELECT usage_id::text, reserved_usd FROM llm_usage
WHERE settled_at IS NULL AND created_at < clock_timestamp() - make_interval(secs => %(seconds)s)
ORDER BY created_at LIMIT 100;

-- name: usage
-- Calls, tokens and cost by day, model, user and phase; newest day first.
SELECT
    (created_at AT TIME ZONE 'UTC')::date AS day, provider, model, COALESCE(user_id, '') AS user_id, phase,
    count(*)::integer AS calls, count(*) FILTER (WHERE outcome = 'ok')::integer AS answered,
    sum(tokens_in)::bigint AS tokens_in, sum(tokens_out)::bigint AS tokens_out, sum(tokens_cached)::bigint AS tokens_cached,
    sum(COALESCE(cost_usd, reserved_usd))::float8 AS cost_usd
FROM llm_usage
WHERE created_at >= %(since)s::timestamptz AND created_at < %(until)s::timestamptz
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1 DESC, 2, 3, 4, 5;

-- name: budgets
-- The standing caps and today's state.
SELECT
    scope, subject, CASE WHEN period_start = '-infinity' THEN NULL ELSE period_start END AS day,
    cap_usd::float8 AS cap_usd, reserved_usd::float8 AS reserved_usd, spent_usd::float8 AS spent_usd
FROM budgets
WHERE scope <> 'composition' AND period_start IN ('-infinity', (clock_timestamp() AT TIME ZONE 'UTC')::date)
ORDER BY scope, subject, period_start DESC;

-- name: set_cap
-- Set a standing cap.
INSERT INTO budgets (tenant_id, scope, subject, period_start, cap_usd)
VALUES (require_tenant(), %(scope)s, %(subject)s, '-infinity', %(cap)s)
ON CONFLICT (tenant_id, scope, subject, period_start) DO UPDATE SET cap_usd = EXCLUDED.cap_usd, updated_at = clock_timestamp();

-- name: set_cap_today
-- A new standing cap counts from now on, in today's period too.
UPDATE budgets SET cap_usd = %(cap)s, updated_at = clock_timestamp()
WHERE scope = %(scope)s AND period_start = (clock_timestamp() AT TIME ZONE 'UTC')::date
  AND (subject = %(subject)s OR (%(subject)s = '' AND NOT EXISTS (
      SELECT FROM budgets AS own WHERE own.scope = budgets.scope AND own.subject = budgets.subject AND own.period_start = '-infinity'
  )));
