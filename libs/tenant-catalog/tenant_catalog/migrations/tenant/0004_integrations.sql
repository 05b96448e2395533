CREATE TABLE activity_log (
    entry_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor       uuid,
    action      text NOT NULL,
    entity_type text NOT NULL,
    entity_id   text NOT NULL,
    changes     jsonb NOT NULL DEFAULT '{}',
    at          timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX activity_log_entity ON activity_log (entity_type, entity_id, at);
-- Appended in order of time: a BRIN index is a thousandth of the size of a B-tree.
CREATE INDEX activity_log_time ON activity_log USING brin (at);

CREATE TABLE webhooks (
    webhook_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id    bigint REFERENCES projects ON DELETE CASCADE,
    url           text NOT NULL CHECK (url ~ '^https?://'),
    events        text[] NOT NULL,
    secret_digest text NOT NULL,
    enabled       boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX webhooks_project ON webhooks (project_id);
CREATE INDEX webhooks_events ON webhooks USING gin (events) WHERE enabled;

CREATE TABLE api_keys (
    api_key_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL,
    name         text NOT NULL,
    key_digest   text NOT NULL UNIQUE,
    scopes       text[] NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    expires_at   timestamptz
);

CREATE INDEX api_keys_user ON api_keys (user_id);
CREATE INDEX api_keys_expiry ON api_keys (expires_at) WHERE expires_at IS NOT NULL;
