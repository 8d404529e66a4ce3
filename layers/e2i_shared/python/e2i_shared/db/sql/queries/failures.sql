-- name: note
-- A message failed, perhaps again.
INSERT INTO message_failures (tenant_id, queue, message_id, topic, error_type, reason)
VALUES (require_tenant(), %(queue)s, %(message_id)s, %(topic)s, %(error_type)s, %(reason)s)
ON CONFLICT (tenant_id, queue, message_id) DO UPDATE
SET error_type = excluded.error_type, reason = excluded.reason, failures = message_failures.failures + 1, updated_at = clock_timestamp();

-- name: of
-- Why messages failed the last time.
SELECT message_id, error_type, reason, failures FROM message_failures WHERE queue = %(queue)s AND message_id = ANY(%(ids)s);

-- name: settle
-- They were served, or are tried anew.
DELETE FROM message_failures WHERE queue = %(queue)s AND message_id = ANY(%(ids)s);
