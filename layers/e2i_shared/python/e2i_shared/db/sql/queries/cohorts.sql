-- name: lock_name
-- Two saves under the same name wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended('cohort:' || require_tenant() || ':' || lower(%(name)s), 0));

-- name: newest
-- The newest version under a name, whatever its case.
SELECT * FROM cohorts
WHERE deleted_at IS NULL AND lower(name) = lower(%(name)s)
ORDER BY version DESC
LIMIT 1;

-- name: insert
-- Write the next version.
INSERT INTO cohorts (tenant_id, name, version, dataset_id, dataset_version, criteria, counts, size, created_by)
VALUES (
    require_tenant(), %(name)s, %(version)s, %(dataset_id)s, %(dataset_version)s, %(criteria)s, %(counts)s, %(size)s, %(created_by)s
)
RETURNING *;

-- name: get
-- One version by its id, or the newest under a name.
SELECT * FROM cohorts
WHERE deleted_at IS NULL AND (cohort_id = %(cohort_id)s::uuid OR (%(cohort_id)s::uuid IS NULL AND lower(name) = lower(%(name)s)))
ORDER BY version DESC
LIMIT 1;

-- name: names
-- The names there are, for candidates.
SELECT DISTINCT name FROM cohorts WHERE deleted_at IS NULL ORDER BY name LIMIT 1000;

-- name: list
-- Every version of one name, else the newest of each; newest first, from the cursor on.
SELECT c.* FROM cohorts AS c
WHERE c.deleted_at IS NULL
  AND CASE
      WHEN %(name)s::text IS NOT NULL THEN lower(c.name) = lower(%(name)s::text)
      ELSE NOT EXISTS (
          SELECT FROM cohorts AS n
          WHERE n.tenant_id = c.tenant_id AND lower(n.name) = lower(c.name) AND n.version > c.version AND n.deleted_at IS NULL)
  END
  AND (%(after_time)s::timestamptz IS NULL OR (c.created_at, c.cohort_id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY c.created_at DESC, c.cohort_id DESC
LIMIT %(limit)s;
