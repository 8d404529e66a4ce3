-- name: find
-- The newest (or given) version of a data set by id or name, with its columns.
SELECT
    d.dataset_id::text, d.name, d.version, d.row_count AS rows, d.unit, d.description, d.randomised, d.warnings, d.created_at,
    d.rows_table, c.columns
FROM datasets AS d
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'name', c.name, 'kind', c.kind, 'role', c.role, 'role_guessed', c.role_guessed, 'unit', c.unit,
        'description', c.description, 'synonyms', c.synonyms, 'statistics', c.statistics) ORDER BY c.position) AS columns
    FROM dataset_columns AS c
    WHERE c.tenant_id = d.tenant_id AND c.dataset_id = d.dataset_id AND c.version = d.version
) AS c
WHERE d.deleted_at IS NULL
  AND (d.dataset_id = %(dataset_id)s::uuid OR lower(d.name) = lower(%(name)s))
  AND (%(version)s::integer IS NULL OR d.version = %(version)s::integer)
ORDER BY d.dataset_id = %(dataset_id)s::uuid DESC NULLS LAST, d.version DESC
LIMIT 1;

-- name: names
-- Every data set's newest name, for suggestions.
SELECT DISTINCT ON (lower(name)) name FROM datasets WHERE deleted_at IS NULL ORDER BY lower(name), version DESC;

-- name: stamp
-- Changes whenever any version or column does, in whatever order the changes commit.
SELECT count(*) AS versions, sum(extract(epoch FROM updated_at)) AS changes FROM datasets;

-- name: all
-- The newest version of every data set, with its columns.
SELECT
    d.dataset_id::text, d.name, d.version, d.row_count AS rows, d.unit, d.description, d.randomised, d.warnings, d.created_at,
    c.columns
FROM datasets AS d
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'name', c.name, 'kind', c.kind, 'role', c.role, 'role_guessed', c.role_guessed, 'unit', c.unit,
        'description', c.description, 'synonyms', c.synonyms, 'statistics', c.statistics) ORDER BY c.position) AS columns
    FROM dataset_columns AS c
    WHERE c.tenant_id = d.tenant_id AND c.dataset_id = d.dataset_id AND c.version = d.version
) AS c
WHERE d.deleted_at IS NULL
  AND NOT EXISTS (
      SELECT FROM datasets AS n
      WHERE n.tenant_id = d.tenant_id AND n.dataset_id = d.dataset_id AND n.version > d.version AND n.deleted_at IS NULL)
ORDER BY lower(d.name);

-- name: list
-- The newest version of every data set, newest first, from the cursor on.
SELECT
    d.dataset_id::text, d.name, d.version, d.row_count AS rows, d.unit, d.created_at,
    (SELECT count(*) FROM dataset_columns AS c
     WHERE c.tenant_id = d.tenant_id AND c.dataset_id = d.dataset_id AND c.version = d.version) AS columns
FROM datasets AS d
WHERE d.deleted_at IS NULL
  AND NOT EXISTS (
      SELECT FROM datasets AS n
      WHERE n.tenant_id = d.tenant_id AND n.dataset_id = d.dataset_id AND n.version > d.version AND n.deleted_at IS NULL)
  AND (%(after_time)s::timestamptz IS NULL OR (d.created_at, d.dataset_id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY d.created_at DESC, d.dataset_id DESC
LIMIT %(limit)s;

-- name: lock_name
-- Two loads of the same name wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended('dataset:' || require_tenant() || ':' || lower(%(name)s), 0));

-- name: newest
-- The id and version a new load of this name follows.
SELECT dataset_id::text, version FROM datasets
WHERE deleted_at IS NULL AND lower(name) = lower(%(name)s)
ORDER BY version DESC
LIMIT 1;

-- name: insert_version
-- A version of a data set.
INSERT INTO datasets (tenant_id, dataset_id, version, name, row_count, unit, description, randomised, warnings, rows_table)
VALUES (
    require_tenant(), %(dataset_id)s, %(version)s, %(name)s, %(rows)s, %(unit)s, %(description)s, %(randomised)s, %(warnings)s,
    %(rows_table)s
)
RETURNING created_at;

-- name: insert_columns
-- The columns of a version, in order.
INSERT INTO dataset_columns (
    tenant_id, dataset_id, version, position, name, kind, role, role_guessed, unit, description, synonyms, statistics
)
SELECT
    require_tenant(), %(dataset_id)s, %(version)s, c.position, c.column ->> 'name', c.column ->> 'kind', c.column ->> 'role',
    (c.column ->> 'role_guessed')::boolean, c.column ->> 'unit', c.column ->> 'description',
    ARRAY(SELECT jsonb_array_elements_text(c.column -> 'synonyms')), c.column -> 'statistics'
FROM jsonb_array_elements(%(columns)s) WITH ORDINALITY AS c ("column", position);

-- name: patch_column
-- Change what is given of a column.
UPDATE dataset_columns
SET role = COALESCE(%(role)s, role), role_guessed = role_guessed AND %(role)s::text IS NULL, unit = COALESCE(%(unit)s, unit),
    description = COALESCE(%(description)s, description), synonyms = COALESCE(%(synonyms)s::text[], synonyms)
WHERE dataset_id = %(dataset_id)s AND version = %(version)s AND name = %(column)s
RETURNING position;

-- name: touch
-- A column changed: whoever caches the catalogue must see it.
UPDATE datasets SET unit = unit WHERE dataset_id = %(dataset_id)s AND version = %(version)s;

-- name: delete
-- Soft-delete every version.
UPDATE datasets SET deleted_at = clock_timestamp() WHERE dataset_id = %(dataset_id)s AND deleted_at IS NULL;
