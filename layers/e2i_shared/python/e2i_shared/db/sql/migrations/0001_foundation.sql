-- Tenants, the enums, and the helpers that every later table uses.
-- Primary keys start with tenant_id: a duplicate id then reveals nothing about another tenant, and every index serves the policy.

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TYPE routing_pattern AS ENUM ('SINGLE_AGENT', 'PARALLEL_DELEGATION', 'TOOL_COMPOSER', 'CLARIFICATION_NEEDED');
CREATE TYPE dependency_type AS ENUM ('REFERENCE_CHAIN', 'CONDITIONAL', 'LOGICAL_SEQUENCE', 'ENTITY_TRANSFORMATION');
CREATE TYPE tool_category AS ENUM (
    'CAUSAL', 'SEGMENTATION', 'GAP', 'EXPERIMENT', 'PREDICTION', 'MONITORING', 'KPI', 'COHORT', 'EXPLANATION'
);
-- The order is the order of progress: a composition moves forward only.
CREATE TYPE composition_status AS ENUM (
    'PENDING', 'DECOMPOSING', 'PLANNING', 'EXECUTING', 'SYNTHESIZING', 'COMPLETED', 'FAILED', 'TIMEOUT', 'SKIPPED', 'CANCELLED'
);
CREATE TYPE twin_type AS ENUM ('hcp', 'patient', 'territory');
CREATE TYPE simulation_status AS ENUM ('pending', 'running', 'completed', 'failed');
CREATE TYPE simulation_recommendation AS ENUM ('deploy', 'skip', 'refine');
CREATE TYPE fidelity_grade AS ENUM ('excellent', 'good', 'fair', 'poor', 'unvalidated');

CREATE FUNCTION new_id() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
            52, 1), 53, 1), 'hex')::uuid
$$;
COMMENT ON FUNCTION new_id() IS 'A UUIDv7 (RFC 9562) for servers without uuidv7().';
GRANT EXECUTE ON FUNCTION new_id() TO e2i_app;

CREATE FUNCTION system_tenant() RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT '00000000-0000-7000-8000-000000000000'::uuid $$;
COMMENT ON FUNCTION system_tenant() IS 'Owner of the rows that every tenant may read: the tools of the product.';
GRANT EXECUTE ON FUNCTION system_tenant() TO e2i_app;

CREATE FUNCTION require_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant is set for this transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN tenant;
END $$;
GRANT EXECUTE ON FUNCTION require_tenant() TO e2i_app;

CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE FUNCTION isolate(target regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s '
        'USING (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid) '
        'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid)', target);
END $$;
COMMENT ON FUNCTION isolate(regclass) IS 'Row-level security by tenant, forced on the owner too.';

CREATE FUNCTION secure(target regclass, app_rights text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM isolate(target);
    EXECUTE format('GRANT %s ON %s TO e2i_app', app_rights, target);
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'updated_at' AND NOT attisdropped) THEN
        EXECUTE format('CREATE TRIGGER trg_updated_at BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION set_updated_at()', target);
    END IF;
END $$;
COMMENT ON FUNCTION secure(regclass, text) IS 'isolate(), the app role''s rights, and updated_at where the table has it.';

CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY DEFAULT new_id(),
    name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
SELECT secure('tenants', 'SELECT');
CREATE POLICY deployment ON tenants TO e2i_owner USING (true) WITH CHECK (true);
INSERT INTO tenants (tenant_id, name) VALUES (system_tenant(), 'system');

CREATE FUNCTION active_tenants() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT tenant_id FROM public.tenants
    WHERE deleted_at IS NULL AND tenant_id <> public.system_tenant()
    ORDER BY tenant_id
$$;
COMMENT ON FUNCTION active_tenants() IS 'The ids a background job loops over: it sets each as app.tenant_id instead of bypassing the policies.';
GRANT EXECUTE ON FUNCTION active_tenants() TO e2i_app;
