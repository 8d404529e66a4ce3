-- Experiments: design, arms, assignment, enrolment, outcomes and interim looks.

CREATE TYPE experiment_status AS ENUM (
    'draft', 'in_review', 'approved', 'scheduled', 'running', 'paused', 'completed', 'stopped_success', 'stopped_futility',
    'stopped_harm', 'cancelled', 'analyzed'
);

CREATE TABLE ml_experiments (
    tenant_id uuid NOT NULL,
    experiment_id uuid NOT NULL DEFAULT new_id(),
    name text NOT NULL,
    hypothesis text,
    status experiment_status NOT NULL DEFAULT 'draft',
    brand text,
    unit_type text,
    primary_outcome text,
    design jsonb NOT NULL DEFAULT '{}',
    protocol_hash text,
    protocol_version integer NOT NULL DEFAULT 1,
    target_sample_size integer CHECK (target_sample_size > 0),
    alpha double precision NOT NULL DEFAULT 0.05 CHECK (alpha > 0 AND alpha < 1),
    results jsonb,
    created_by text,
    approved_by text,
    approved_at timestamptz,
    starts_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, experiment_id)
);
CREATE INDEX ml_experiments_newest ON ml_experiments (tenant_id, created_at DESC, experiment_id DESC) WHERE deleted_at IS NULL;
SELECT secure('ml_experiments', 'SELECT, INSERT, UPDATE');

CREATE TABLE experiment_arms (
    tenant_id uuid NOT NULL,
    arm_id uuid NOT NULL DEFAULT new_id(),
    experiment_id uuid NOT NULL,
    name text NOT NULL,
    is_control boolean NOT NULL DEFAULT false,
    ratio double precision NOT NULL DEFAULT 1 CHECK (ratio > 0),
    config jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, arm_id),
    UNIQUE (tenant_id, experiment_id, name),
    FOREIGN KEY (tenant_id, experiment_id) REFERENCES ml_experiments (tenant_id, experiment_id) ON DELETE CASCADE
);
SELECT secure('experiment_arms', 'SELECT, INSERT, UPDATE');

CREATE TABLE experiment_assignments (
    tenant_id uuid NOT NULL,
    assignment_id uuid NOT NULL DEFAULT new_id(),
    experiment_id uuid NOT NULL,
    arm_id uuid NOT NULL,
    unit_id text NOT NULL,
    stratum text NOT NULL DEFAULT '',
    block integer,
    salt_version integer NOT NULL DEFAULT 1,
    assigned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, assignment_id),
    UNIQUE (tenant_id, experiment_id, unit_id),
    FOREIGN KEY (tenant_id, experiment_id) REFERENCES ml_experiments (tenant_id, experiment_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, arm_id) REFERENCES experiment_arms (tenant_id, arm_id)
);
SELECT secure('experiment_assignments', 'SELECT, INSERT');

CREATE TABLE experiment_enrolments (
    tenant_id uuid NOT NULL,
    enrolment_id uuid NOT NULL DEFAULT new_id(),
    experiment_id uuid NOT NULL,
    unit_id text NOT NULL,
    eligible boolean NOT NULL,
    exclusion_reason text,
    consent_version text,
    consented_at timestamptz,
    withdrawn_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, enrolment_id),
    UNIQUE (tenant_id, experiment_id, unit_id),
    FOREIGN KEY (tenant_id, experiment_id) REFERENCES ml_experiments (tenant_id, experiment_id) ON DELETE CASCADE,
    CHECK (eligible OR exclusion_reason IS NOT NULL)
);
SELECT secure('experiment_enrolments', 'SELECT, INSERT, UPDATE');

CREATE TABLE experiment_outcomes (
    tenant_id uuid NOT NULL,
    outcome_id uuid NOT NULL DEFAULT new_id(),
    experiment_id uuid NOT NULL,
    unit_id text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL,
    observed_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, outcome_id),
    UNIQUE (tenant_id, experiment_id, unit_id, metric, observed_at),
    FOREIGN KEY (tenant_id, experiment_id) REFERENCES ml_experiments (tenant_id, experiment_id) ON DELETE CASCADE
);
SELECT secure('experiment_outcomes', 'SELECT, INSERT');

CREATE TABLE experiment_looks (
    tenant_id uuid NOT NULL,
    look_id uuid NOT NULL DEFAULT new_id(),
    experiment_id uuid NOT NULL,
    look_number integer NOT NULL CHECK (look_number >= 1),
    information_fraction double precision NOT NULL CHECK (information_fraction > 0 AND information_fraction <= 1),
    boundary_z double precision NOT NULL,
    observed_z double precision,
    spent_alpha double precision NOT NULL CHECK (spent_alpha BETWEEN 0 AND 1),
    decision text NOT NULL,
    data_cut timestamptz NOT NULL,
    analysed_by text,
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, look_id),
    UNIQUE (tenant_id, experiment_id, look_number),
    FOREIGN KEY (tenant_id, experiment_id) REFERENCES ml_experiments (tenant_id, experiment_id) ON DELETE CASCADE
);
COMMENT ON TABLE experiment_looks IS 'A look is recorded once: the app role may not change it.';
SELECT secure('experiment_looks', 'SELECT, INSERT');
