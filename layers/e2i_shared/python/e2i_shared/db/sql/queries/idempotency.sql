-- name: reserve
-- Take the key; an expired one, or one whose first request died, is taken over. No row: somebody else has it.
INSERT INTO idempotency_keys AS k (tenant_id, key, body_hash, locked_until, expires_at)
VALUES (
    require_tenant(), %(key)s, %(body_hash)s,
    clock_timestamp() + make_interval(secs => %(lease)s), clock_timestamp() + make_interval(secs => %(keep)s)
)
ON CONFLICT (tenant_id, key) DO UPDATE
SET body_hash = EXCLUDED.body_hash, response = NULL, locked_until = EXCLUDED.locked_until, expires_at = EXCLUDED.expires_at,
    created_at = clock_timestamp()
WHERE k.expires_at < clock_timestamp()
   OR (k.response IS NULL AND k.locked_until < clock_timestamp() AND k.body_hash = EXCLUDED.body_hash)
RETURNING key;

-- name: read
-- What the key stands for.
SELECT body_hash, response FROM idempotency_keys WHERE key = %(key)s;

-- name: finish
-- Keep the response for whoever repeats the request.
UPDATE idempotency_keys SET response = %(response)s WHERE key = %(key)s AND response IS NULL;

-- name: abandon
-- The request failed for a passing reason: a repeat may try again.
DELETE FROM idempotency_keys WHERE key = %(key)s AND response IS NULL;

-- name: purge
-- Forget what has expired.
DELETE FROM idempotency_keys WHERE expires_at < clock_timestamp();
