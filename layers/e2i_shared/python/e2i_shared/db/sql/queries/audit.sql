-- name: record
-- Append an entry; number, time and hashes come from the chain.
INSERT INTO audit_log (
    tenant_id, actor, actor_role, action, object_type, object_id, decision, reason, request_id, software_version, before_hash,
    after_hash
)
VALUES (
    require_tenant(), %(actor)s, %(actor_role)s, %(action)s, %(object_type)s, %(object_id)s, %(decision)s, %(reason)s,
    %(request_id)s, %(software_version)s, %(before_hash)s, %(after_hash)s
)
RETURNING seq, encode(hash, 'hex') AS hash;

-- name: head
-- The end of the chain: what to anchor outside.
SELECT seq, encode(hash, 'hex') AS hash FROM audit_heads;

-- name: verify
-- Where the chain is broken; nothing when it is whole.
SELECT seq, problem FROM verify_audit_log(%(anchored_seq)s, decode(%(anchored_hash)s, 'hex'));
