-- What the local runtime keeps for itself, in the database e2i_runtime. Executions, queues and schedules outlive its process.

CREATE TABLE IF NOT EXISTS definitions (
    digest text PRIMARY KEY,
    body   text NOT NULL
);

CREATE TABLE IF NOT EXISTS executions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    machine     text NOT NULL,
    name        text NOT NULL,
    definition  text NOT NULL REFERENCES definitions,
    status      text NOT NULL DEFAULT 'RUNNING',
    input       text NOT NULL,
    output      text,
    error       text,
    cause       text,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    stopped_at  timestamptz,
    UNIQUE (machine, name)
);
CREATE INDEX IF NOT EXISTS executions_running ON executions (id) WHERE status = 'RUNNING';

-- One row per event of an execution; a finished task attempt carries its outcome, by which a restarted runtime repeats it without running it.
CREATE TABLE IF NOT EXISTS journal (
    execution_id bigint NOT NULL REFERENCES executions ON DELETE CASCADE,
    key          text NOT NULL,
    kind         text NOT NULL,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    at           timestamptz NOT NULL,
    details      text NOT NULL,
    outcome      text,
    PRIMARY KEY (execution_id, key, kind)
);

CREATE TABLE IF NOT EXISTS messages (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    queue             text NOT NULL,
    body              text NOT NULL,
    attributes        text NOT NULL DEFAULT '{}',
    sent_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    visible_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_received_at timestamptz,
    receives          integer NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_by_queue ON messages (queue, visible_at);

CREATE TABLE IF NOT EXISTS events (
    id          uuid PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    source      text NOT NULL,
    detail_type text NOT NULL,
    body        text NOT NULL
);

CREATE TABLE IF NOT EXISTS schedules (
    name     text PRIMARY KEY,
    fired_at timestamptz NOT NULL
);
