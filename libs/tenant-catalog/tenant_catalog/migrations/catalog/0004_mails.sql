-- Outbox: a mail is written in the transaction whose news it brings, and sent after its commit.
CREATE TABLE mails (
    mail_id         uuid PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    tenant_id       uuid NOT NULL REFERENCES tenants,
    message_id      text NOT NULL UNIQUE,
    recipient       text NOT NULL,
    subject         text NOT NULL,
    -- Blanked once sent: it can hold a token in clear.
    body            text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    sent_at         timestamptz,
    CHECK ((body IS NULL) = (sent_at IS NOT NULL))
);

CREATE INDEX mails_tenant ON mails (tenant_id);
CREATE INDEX mails_unsent ON mails (created_at) WHERE sent_at IS NULL;
