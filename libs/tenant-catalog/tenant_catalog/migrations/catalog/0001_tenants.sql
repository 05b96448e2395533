CREATE TABLE tenants (
    tenant_id      uuid PRIMARY KEY,
    slug           text NOT NULL CHECK (slug ~ '^[a-z](-?[a-z0-9])+$' AND length(slug) <= 40),
    display_name   text NOT NULL,
    -- Postgres cuts a longer name silently, and two tenants would share one schema.
    schema_name    text NOT NULL UNIQUE CHECK (octet_length(schema_name) <= 63),
    state          text NOT NULL CHECK (
        state IN ('provisioning', 'active', 'failed', 'deleting', 'purging', 'deleted')
    ),
    generation     integer NOT NULL CHECK (generation > 0),
    -- Id of the workflow run that holds the row, or held it last.
    operation      text NOT NULL,
    -- Its provisioning has begun to take itself back.
    taken_back     boolean NOT NULL DEFAULT false,
    failure        text,
    tables_dropped integer NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    activated_at   timestamptz,
    deleted_at     timestamptz,
    purge_after    timestamptz,
    purged_at      timestamptz,
    CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CHECK ((state = 'deleted') = (purged_at IS NOT NULL))
);

-- A tombstone keeps its row for ever, and its slug can be given again.
CREATE UNIQUE INDEX tenants_live_slug ON tenants (slug) WHERE state <> 'deleted';
CREATE INDEX tenants_slug ON tenants (slug);

-- Every transition of every tenant; rows are only ever added.
CREATE TABLE tenant_events (
    event_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants,
    generation integer NOT NULL,
    from_state text,
    to_state   text NOT NULL,
    operation  text NOT NULL,
    detail     text,
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX tenant_events_tenant ON tenant_events (tenant_id, event_id);
CREATE INDEX tenant_events_operation ON tenant_events (operation);
