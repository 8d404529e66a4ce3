-- The catalogue of data sets (one row per version), and the tables that hold their rows (schema rows).

CREATE TABLE datasets (
    tenant_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    name text NOT NULL,
    row_count bigint NOT NULL CHECK (row_count >= 0),
    unit text,
    description text,
    randomised boolean NOT NULL DEFAULT false,
    warnings text[] NOT NULL DEFAULT '{}',
    rows_table text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, dataset_id, version)
);
CREATE UNIQUE INDEX datasets_name ON datasets (tenant_id, lower(name), version) WHERE deleted_at IS NULL;
SELECT secure('datasets', 'SELECT, INSERT, UPDATE');

CREATE TABLE dataset_columns (
    tenant_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    version integer NOT NULL,
    position integer NOT NULL CHECK (position >= 1),
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('number', 'integer', 'boolean', 'category', 'text', 'date', 'datetime', 'id')),
    role text NOT NULL CHECK (role IN ('id', 'treatment', 'outcome', 'covariate', 'segment', 'time', 'cluster', 'ignore')),
    role_guessed boolean NOT NULL DEFAULT true,
    unit text,
    description text,
    synonyms text[] NOT NULL DEFAULT '{}',
    statistics jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, dataset_id, version, position),
    UNIQUE (tenant_id, dataset_id, version, name),
    FOREIGN KEY (tenant_id, dataset_id, version) REFERENCES datasets (tenant_id, dataset_id, version) ON DELETE CASCADE
);
SELECT secure('dataset_columns', 'SELECT, INSERT, UPDATE');

CREATE TABLE cohorts (
    tenant_id uuid NOT NULL,
    cohort_id uuid NOT NULL DEFAULT new_id(),
    name text NOT NULL,
    version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    dataset_id uuid NOT NULL,
    dataset_version integer NOT NULL,
    criteria jsonb NOT NULL,
    counts jsonb NOT NULL DEFAULT '[]',
    size bigint NOT NULL CHECK (size >= 0),
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, cohort_id),
    UNIQUE (tenant_id, name, version),
    FOREIGN KEY (tenant_id, dataset_id, dataset_version) REFERENCES datasets (tenant_id, dataset_id, version)
);
SELECT secure('cohorts', 'SELECT, INSERT, UPDATE');

CREATE SCHEMA rows;
GRANT USAGE ON SCHEMA rows TO e2i_app;

CREATE FUNCTION rows_table_name(p_dataset_id uuid, p_version integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'd_' || replace(p_dataset_id::text, '-', '') || '_' || substr(md5(public.require_tenant()::text), 1, 8) || '_v' || p_version
$$;
COMMENT ON FUNCTION rows_table_name(uuid, integer) IS 'The tenant is part of the name: a tenant cannot even address another''s rows.';
GRANT EXECUTE ON FUNCTION rows_table_name(uuid, integer) TO e2i_app;

CREATE FUNCTION create_rows_table(p_dataset_id uuid, p_version integer, p_columns jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    allowed CONSTANT text[] := ARRAY['text', 'double precision', 'real', 'bigint', 'integer', 'smallint', 'boolean', 'date',
                                     'timestamp', 'timestamptz'];
    table_name text := public.rows_table_name(p_dataset_id, p_version);
    definitions text := '';
    item record;
BEGIN
    IF p_version IS NULL OR p_version < 1 OR p_dataset_id IS NULL OR jsonb_typeof(p_columns) IS DISTINCT FROM 'array'
       OR jsonb_array_length(p_columns) NOT BETWEEN 1 AND 1600 THEN
        RAISE EXCEPTION 'a rows table needs an id, a version from 1 and 1 to 1600 columns' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR item IN SELECT e ->> 'name' AS name, e ->> 'type' AS type FROM jsonb_array_elements(p_columns) AS e LOOP
        IF item.name IS NULL OR octet_length(item.name) NOT BETWEEN 1 AND 63 THEN
            RAISE EXCEPTION 'a column name must have 1 to 63 bytes' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF item.type IS NULL OR item.type <> ALL (allowed) THEN
            RAISE EXCEPTION 'column type % is not one of %', item.type, array_to_string(allowed, ', ')
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        definitions := definitions || format('%s%I %s', CASE definitions WHEN '' THEN '' ELSE ', ' END, item.name, item.type);
    END LOOP;
    EXECUTE format('CREATE TABLE rows.%I (%s)', table_name, definitions);
    EXECUTE format('GRANT SELECT, INSERT ON rows.%I TO e2i_app', table_name);
    RETURN 'rows.' || table_name;
END $$;
COMMENT ON FUNCTION create_rows_table(uuid, integer, jsonb) IS
    'Creates the table of one version from [{"name", "type"}] and returns its qualified name. COPY refuses tables with row-level security, so
     the caller copies in the same transaction and then calls seal_rows_table(): nobody else ever sees the table unsealed.';
GRANT EXECUTE ON FUNCTION create_rows_table(uuid, integer, jsonb) TO e2i_app;

CREATE FUNCTION seal_rows_table(p_dataset_id uuid, p_version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    table_name text := public.rows_table_name(p_dataset_id, p_version);
    tenant uuid := public.require_tenant();
BEGIN
    EXECUTE format('REVOKE INSERT ON rows.%I FROM e2i_app', table_name);
    EXECUTE format('ALTER TABLE rows.%I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE rows.%I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON rows.%I '
        'USING (%L::uuid = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid) '
        'WITH CHECK (%L::uuid = NULLIF(current_setting(''app.tenant_id'', true), '''')::uuid)', table_name, tenant, tenant);
END $$;
COMMENT ON FUNCTION seal_rows_table(uuid, integer) IS 'Read-only from now on, and only for the tenant that loaded it.';
GRANT EXECUTE ON FUNCTION seal_rows_table(uuid, integer) TO e2i_app;

CREATE FUNCTION drop_rows_table(p_dataset_id uuid, p_version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS rows.%I', public.rows_table_name(p_dataset_id, p_version));
END $$;
GRANT EXECUTE ON FUNCTION drop_rows_table(uuid, integer) TO e2i_app;

CREATE FUNCTION refuse_unsealed_rows() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.rows_table IS NOT NULL AND NOT COALESCE(
        (SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = to_regclass(NEW.rows_table)), false) THEN
        RAISE EXCEPTION 'the rows of a data set must be sealed before the catalogue names them' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER trg_refuse_unsealed_rows BEFORE INSERT ON datasets FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_rows();
