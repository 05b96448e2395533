CREATE TABLE users (
    user_id      uuid PRIMARY KEY,
    email        text NOT NULL UNIQUE CHECK (email = lower(email)),
    display_name text NOT NULL,
    state        text NOT NULL CHECK (state IN ('pending', 'active')),
    -- The tenant that the user was made for: when its provisioning fails, it takes the user back.
    created_for  uuid REFERENCES tenants,
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz
);

CREATE INDEX users_created_for ON users (created_for);

CREATE TABLE memberships (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    user_id      uuid NOT NULL REFERENCES users,
    role         text NOT NULL CHECK (role IN ('admin', 'member')),
    state        text NOT NULL CHECK (state IN ('pending', 'active')),
    -- Id of the workflow run that holds the membership, or held it last.
    operation    text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    PRIMARY KEY (tenant_id, user_id)
);

CREATE INDEX memberships_user ON memberships (user_id);
