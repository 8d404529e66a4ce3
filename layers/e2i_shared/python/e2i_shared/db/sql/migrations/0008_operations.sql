-- What keeps the service honest: outbox, idempotency, cost, documents, and an audit log that shows every tampering.

CREATE TABLE outbox (
    tenant_id uuid NOT NULL,
    outbox_id uuid NOT NULL DEFAULT new_id(),
    topic text NOT NULL CHECK (length(topic) BETWEEN 1 AND 200),
    payload jsonb NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    PRIMARY KEY (tenant_id, outbox_id)
);
COMMENT ON TABLE outbox IS 'Events written in the transaction that caused them; a relay publishes each at least once.';
CREATE INDEX outbox_waiting ON outbox (tenant_id, created_at, outbox_id) WHERE published_at IS NULL;
SELECT secure('outbox', 'SELECT, INSERT, UPDATE');

CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 2000),
    body_hash text NOT NULL,
    response jsonb,
    locked_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, key)
);
COMMENT ON COLUMN idempotency_keys.key IS 'The route and the caller''s key; response is NULL while the first request runs.';
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (tenant_id, expires_at);
SELECT secure('idempotency_keys', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE llm_usage (
    tenant_id uuid NOT NULL,
    usage_id uuid NOT NULL DEFAULT new_id(),
    composition_id uuid,
    session_id text,
    user_id text,
    phase text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    tokens_in integer NOT NULL DEFAULT 0 CHECK (tokens_in >= 0),
    tokens_out integer NOT NULL DEFAULT 0 CHECK (tokens_out >= 0),
    tokens_cached integer NOT NULL DEFAULT 0 CHECK (tokens_cached >= 0),
    reserved_usd numeric(12, 6) NOT NULL DEFAULT 0 CHECK (reserved_usd >= 0),
    cost_usd numeric(12, 6) CHECK (cost_usd >= 0),
    latency_ms double precision,
    attempts integer NOT NULL DEFAULT 1,
    outcome text NOT NULL DEFAULT 'reserved',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    PRIMARY KEY (tenant_id, usage_id)
);
COMMENT ON COLUMN llm_usage.cost_usd IS 'NULL until settled; reserved_usd is held before the call.';
CREATE INDEX llm_usage_day ON llm_usage (tenant_id, created_at DESC);
CREATE INDEX llm_usage_composition ON llm_usage (tenant_id, composition_id) WHERE composition_id IS NOT NULL;
SELECT secure('llm_usage', 'SELECT, INSERT, UPDATE');

CREATE TABLE budgets (
    tenant_id uuid NOT NULL,
    scope text NOT NULL CHECK (scope IN ('tenant', 'user', 'composition')),
    subject text NOT NULL DEFAULT '',
    period_start date NOT NULL DEFAULT '-infinity',
    cap_usd numeric(12, 6) NOT NULL CHECK (cap_usd >= 0),
    reserved_usd numeric(12, 6) NOT NULL DEFAULT 0 CHECK (reserved_usd >= 0),
    spent_usd numeric(12, 6) NOT NULL DEFAULT 0 CHECK (spent_usd >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, scope, subject, period_start)
);
SELECT secure('budgets', 'SELECT, INSERT, UPDATE');

CREATE TABLE documents (
    tenant_id uuid NOT NULL,
    document_id uuid NOT NULL DEFAULT new_id(),
    kind text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    source text,
    author text,
    embedding vector(1536),
    embedding_model text,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || body)) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, document_id),
    CHECK (embedding IS NULL OR embedding_model IS NOT NULL)
);
CREATE INDEX documents_embedding ON documents USING hnsw (embedding vector_cosine_ops);
CREATE INDEX documents_search ON documents USING gin (search);
SELECT secure('documents', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE audit_log (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    actor_role text,
    action text NOT NULL,
    object_type text NOT NULL,
    object_id text,
    decision text NOT NULL DEFAULT 'allow' CHECK (decision IN ('allow', 'deny')),
    reason text,
    request_id text,
    software_version text,
    before_hash text,
    after_hash text,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
COMMENT ON TABLE audit_log IS
    'Append-only, one hash chain per tenant. Holds tokens and hashes, never personal data, question text or row values: erasure elsewhere keeps it verifiable.';
SELECT secure('audit_log', 'SELECT, INSERT');

CREATE TABLE audit_heads (
    tenant_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
COMMENT ON TABLE audit_heads IS 'The end of each chain, so that a removed tail shows; anchor it outside the database daily.';
SELECT secure('audit_heads', 'SELECT');

CREATE FUNCTION audit_hash(entry audit_log) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
    SELECT sha256(entry.prev_hash || convert_to((to_jsonb(entry) - 'hash' - 'prev_hash')::text, 'UTF8'))
$$;
COMMENT ON FUNCTION audit_hash(audit_log) IS 'SHA-256 of the previous hash and the row as canonical JSON (jsonb orders keys; times in UTC).';
GRANT EXECUTE ON FUNCTION audit_hash(audit_log) TO e2i_app;

CREATE FUNCTION chain_audit_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head public.audit_heads;
BEGIN
    IF NEW.tenant_id IS DISTINCT FROM public.require_tenant() THEN
        RAISE EXCEPTION 'an audit entry belongs to the tenant of its transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('audit_log:' || NEW.tenant_id, 0));
    SELECT * INTO head FROM public.audit_heads WHERE tenant_id = NEW.tenant_id;
    NEW.seq := COALESCE(head.seq, 0) + 1;
    NEW.at := clock_timestamp();
    NEW.prev_hash := COALESCE(head.hash, sha256(''));
    NEW.hash := public.audit_hash(NEW);
    INSERT INTO public.audit_heads VALUES (NEW.tenant_id, NEW.seq, NEW.hash)
    ON CONFLICT (tenant_id) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash;
    RETURN NEW;
END $$;
CREATE TRIGGER trg_chain_audit_entry BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit_entry();

CREATE FUNCTION refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER trg_refuse_audit_change BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER trg_refuse_audit_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

CREATE FUNCTION verify_audit_log(anchored_seq bigint DEFAULT NULL, anchored_hash bytea DEFAULT NULL)
RETURNS TABLE (seq bigint, problem text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH chain AS (
        SELECT
            l.seq, l.prev_hash, l.hash, public.audit_hash(l) AS true_hash,
            lag(l.seq, 1, 0::bigint) OVER w AS previous_seq,
            lag(l.hash, 1, sha256('')) OVER w AS previous_hash
        FROM public.audit_log AS l
        WINDOW w AS (ORDER BY l.seq)
    ), head AS (
        SELECT h.seq, h.hash FROM public.audit_heads AS h
        UNION ALL
        SELECT anchored_seq, anchored_hash WHERE anchored_seq IS NOT NULL
    )
    SELECT c.seq, 'changed: its content does not match its hash' FROM chain AS c WHERE c.hash <> c.true_hash
    UNION ALL
    SELECT c.seq, 'not linked: its previous hash is not that of the row before it' FROM chain AS c WHERE c.prev_hash <> c.previous_hash
    UNION ALL
    SELECT c.seq, format('missing before it: entries %s to %s', c.previous_seq + 1, c.seq - 1) FROM chain AS c WHERE c.seq <> c.previous_seq + 1
    UNION ALL
    SELECT h.seq, 'missing: the chain should reach this entry with another hash or at all' FROM head AS h
    WHERE NOT EXISTS (SELECT FROM chain AS c WHERE c.seq = h.seq AND c.hash = h.hash)
    UNION ALL
    SELECT c.seq, 'inserted: the chain ends before this entry' FROM chain AS c
    WHERE c.seq > COALESCE((SELECT h.seq FROM public.audit_heads AS h), 0)
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION verify_audit_log(bigint, bytea) IS
    'Every place where this tenant''s chain was changed, cut, reordered or added to; none when whole. An anchor kept elsewhere also exposes a rewritten chain.';
GRANT EXECUTE ON FUNCTION verify_audit_log(bigint, bytea) TO e2i_app;
