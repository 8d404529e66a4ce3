-- name: keep_definition
-- A running execution keeps the definition it was started with.
INSERT INTO definitions (digest, body) VALUES (%(digest)s, %(body)s) ON CONFLICT DO NOTHING

-- name: start_execution
-- No row when the name is taken.
INSERT INTO executions (machine, name, definition, input)
VALUES (%(machine)s, %(name)s, %(digest)s, %(input)s)
ON CONFLICT (machine, name) DO NOTHING
RETURNING id, started_at

-- name: execution
-- One execution by name.
SELECT id, machine, name, status, input, output, error, cause, started_at, stopped_at
FROM executions WHERE machine = %(machine)s AND name = %(name)s

-- name: running_executions
-- What an earlier runtime left running, oldest first.
SELECT e.id, e.machine, e.name, e.input, e.started_at, d.body AS definition
FROM executions e JOIN definitions d ON d.digest = e.definition
WHERE e.status = 'RUNNING' ORDER BY e.id

-- name: end_execution
-- No row when it has ended already.
UPDATE executions
SET status = %(status)s, output = %(output)s, error = %(error)s, cause = %(cause)s, stopped_at = clock_timestamp()
WHERE id = %(id)s AND status = 'RUNNING'
RETURNING machine, name, status, input, output, error, cause, started_at, stopped_at

-- name: add_to_journal
-- A repeated execution adds its repeated events once.
INSERT INTO journal (execution_id, key, kind, at, details, outcome)
VALUES (%(execution_id)s, %(key)s, %(kind)s, %(at)s, %(details)s, %(outcome)s)
ON CONFLICT DO NOTHING

-- name: outcomes
-- What an execution need not run again.
SELECT key, outcome FROM journal WHERE execution_id = %(id)s AND outcome IS NOT NULL

-- name: history
-- An execution's events, first to last.
SELECT seq, at, kind, details FROM journal WHERE execution_id = %(id)s ORDER BY seq

-- name: forget_old_executions
-- As Step Functions does after 90 days.
DELETE FROM executions WHERE status <> 'RUNNING' AND stopped_at < now() - interval '90 days'

-- name: send_message
-- A message, visible after its delay.
INSERT INTO messages (queue, body, attributes, visible_at)
VALUES (%(queue)s, %(body)s, %(attributes)s, clock_timestamp() + make_interval(secs => %(delay)s))
RETURNING id

-- name: bury_messages
-- Move what was received too often to the dead letters.
UPDATE messages SET queue = %(dead)s, visible_at = clock_timestamp(), receives = 0, first_received_at = NULL
WHERE queue = %(queue)s AND receives >= %(max_receives)s AND visible_at <= clock_timestamp()
RETURNING id

-- name: receive_messages
-- Take the oldest visible messages and hide them for the visibility timeout; one received too often waits to be buried.
UPDATE messages SET
    receives = receives + 1,
    first_received_at = coalesce(first_received_at, clock_timestamp()),
    visible_at = clock_timestamp() + make_interval(secs => %(visibility)s)
WHERE id IN (
    SELECT id FROM messages
    WHERE queue = %(queue)s AND visible_at <= clock_timestamp() AND receives < %(max_receives)s
    ORDER BY visible_at, sent_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
RETURNING id, body, attributes, sent_at, first_received_at, receives

-- name: change_visibility
-- A message that was received, seen again after some seconds, unless it was received again since.
UPDATE messages SET visible_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND queue = %(queue)s AND receives = %(receives)s

-- name: delete_message
-- Unless it was received again since.
DELETE FROM messages WHERE id = %(id)s AND receives = %(receives)s

-- name: next_visible
-- Seconds until a message can be received; null for an empty queue.
SELECT extract(epoch FROM min(visible_at) - clock_timestamp())::float8 AS seconds FROM messages WHERE queue = %(queue)s

-- name: queue_depth
-- How many messages wait, are in flight, are delayed.
SELECT count(*) FILTER (WHERE visible_at <= clock_timestamp()) AS visible,
       count(*) FILTER (WHERE visible_at > clock_timestamp() AND receives > 0) AS in_flight,
       count(*) FILTER (WHERE visible_at > clock_timestamp() AND receives = 0) AS delayed
FROM messages WHERE queue = %(queue)s

-- name: redrive_messages
-- Move the dead letters back.
UPDATE messages SET queue = %(queue)s, visible_at = clock_timestamp(), receives = 0
WHERE queue = %(dead)s
RETURNING id

-- name: keep_event
-- Events are kept for a week, to be looked at.
INSERT INTO events (id, source, detail_type, body) VALUES (%(id)s, %(source)s, %(detail_type)s, %(body)s)

-- name: recent_events
-- Newest first.
SELECT body FROM events ORDER BY at DESC LIMIT %(most)s

-- name: forget_old_events
-- Older than a week.
DELETE FROM events WHERE at < now() - interval '7 days'

-- name: last_fired
-- When each schedule fired last.
SELECT name, fired_at FROM schedules

-- name: fired
-- Remember that a schedule fired.
INSERT INTO schedules (name, fired_at) VALUES (%(name)s, %(at)s)
ON CONFLICT (name) DO UPDATE SET fired_at = excluded.fired_at
