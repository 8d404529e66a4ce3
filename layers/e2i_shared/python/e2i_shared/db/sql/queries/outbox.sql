-- name: append
-- Write an event in the transaction that caused it.
INSERT INTO outbox (tenant_id, topic, payload)
VALUES (require_tenant(), %(topic)s, %(payload)s)
RETURNING outbox_id::text;

-- name: claim
-- Lease the oldest unpublished events that no other relay holds.
UPDATE outbox
SET claimed_until = clock_timestamp() + make_interval(secs => %(lease)s), attempts = attempts + 1
WHERE outbox_id IN (
    SELECT o.outbox_id FROM outbox AS o
    WHERE o.published_at IS NULL AND (o.claimed_until IS NULL OR o.claimed_until < clock_timestamp())
    ORDER BY o.created_at, o.outbox_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING outbox_id::text, topic, payload, attempts, created_at;

-- name: mark_published
-- The bus took them.
UPDATE outbox
SET published_at = clock_timestamp(), claimed_until = NULL, last_error = NULL
WHERE outbox_id = ANY (%(ids)s::uuid[]) AND published_at IS NULL;

-- name: release
-- The bus refused them: free at once for the next relay, with the reason.
UPDATE outbox
SET claimed_until = NULL, last_error = %(error)s
WHERE outbox_id = ANY (%(ids)s::uuid[]) AND published_at IS NULL;
