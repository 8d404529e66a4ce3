-- Attempts, plans found again by their key, outputs kept elsewhere, and what happened to each composition in order.

ALTER TABLE composer_episodes
    ADD COLUMN attempt integer NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    ADD COLUMN attempted_at timestamptz,
    ADD COLUMN plan_key text;
COMMENT ON COLUMN composer_episodes.attempt IS 'Executions so far; a retry adds one, and ends of earlier executions no longer count.';
COMMENT ON COLUMN composer_episodes.plan_key IS 'Hash of all that a plan depends on: the same key, the same plan.';
CREATE INDEX composer_episodes_plan_key ON composer_episodes (tenant_id, plan_key, created_at DESC) WHERE plan_key IS NOT NULL;

ALTER TABLE composition_steps ADD COLUMN output_ref text;
COMMENT ON COLUMN composition_steps.output_ref IS 'Key in the object store of an output too large for a row; output_result is NULL then.';

CREATE TABLE composition_events (
    tenant_id uuid NOT NULL,
    composition_id uuid NOT NULL,
    seq integer NOT NULL CHECK (seq >= 1),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CHECK (kind IN ('status', 'step', 'partial')),
    detail jsonb NOT NULL,
    episode_id uuid NOT NULL,
    episode_created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, composition_id, seq),
    FOREIGN KEY (tenant_id, episode_id, episode_created_at)
        REFERENCES composer_episodes (tenant_id, episode_id, created_at) ON DELETE CASCADE
);
COMMENT ON TABLE composition_events IS 'Append-only: each change of a composition''s or a step''s status, numbered without gaps in the order of their commits.';
CREATE INDEX composition_events_episode ON composition_events (tenant_id, episode_id, episode_created_at);
SELECT secure('composition_events', 'SELECT, INSERT');

-- Numbers are given under the lock that all changes of one composition take, so a reader never sees 6 before 5.
CREATE FUNCTION note_composition_event(
    p_tenant uuid, p_composition uuid, p_episode uuid, p_created timestamptz, p_kind text, p_detail jsonb
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_composition::text, 0));
    INSERT INTO public.composition_events (tenant_id, composition_id, seq, kind, detail, episode_id, episode_created_at)
    SELECT p_tenant, p_composition, COALESCE(max(e.seq), 0) + 1, p_kind, p_detail, p_episode, p_created
    FROM public.composition_events AS e
    WHERE e.tenant_id = p_tenant AND e.composition_id = p_composition;
END $$;
GRANT EXECUTE ON FUNCTION note_composition_event(uuid, uuid, uuid, timestamptz, text, jsonb) TO e2i_app;

CREATE FUNCTION note_episode_status() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM public.note_composition_event(
        NEW.tenant_id, NEW.composition_id, NEW.episode_id, NEW.created_at, 'status',
        jsonb_strip_nulls(jsonb_build_object('status', NEW.status, 'attempt', NEW.attempt, 'error', NEW.error_message)));
    RETURN NULL;
END $$;
CREATE TRIGGER trg_note_new_episode AFTER INSERT ON composer_episodes
    FOR EACH ROW WHEN (NEW.status = 'PENDING') EXECUTE FUNCTION note_episode_status();
CREATE TRIGGER trg_note_episode_status AFTER UPDATE OF status ON composer_episodes
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_episode_status();

CREATE FUNCTION note_step_status() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM public.note_composition_event(
        NEW.tenant_id, NEW.composition_id, NEW.episode_id, NEW.episode_created_at, 'step',
        jsonb_strip_nulls(jsonb_build_object(
            'step_number', NEW.step_number, 'name', NEW.step_name, 'tool', NEW.tool_name, 'level', NEW.level,
            'status', NEW.status, 'latency_ms', NEW.latency_ms, 'error', NEW.error_message)));
    IF NEW.status = 'COMPLETED' THEN
        PERFORM public.note_composition_event(
            NEW.tenant_id, NEW.composition_id, NEW.episode_id, NEW.episode_created_at, 'partial',
            jsonb_build_object('step_number', NEW.step_number, 'sub_question', NEW.serves_sub_question));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER trg_note_new_step AFTER INSERT ON composition_steps
    FOR EACH ROW WHEN (NEW.status = 'PENDING') EXECUTE FUNCTION note_step_status();
CREATE TRIGGER trg_note_step_status AFTER UPDATE OF status ON composition_steps
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_step_status();
