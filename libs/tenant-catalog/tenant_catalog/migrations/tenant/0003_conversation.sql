CREATE TABLE task_comments (
    comment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id    bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
    author     uuid NOT NULL,
    body       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    edited_at  timestamptz
);

CREATE INDEX task_comments_thread ON task_comments (task_id, created_at);
CREATE INDEX task_comments_author ON task_comments (author);

CREATE TABLE attachments (
    attachment_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    task_id       bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
    comment_id    bigint REFERENCES task_comments ON DELETE SET NULL,
    file_name     text NOT NULL,
    media_type    text NOT NULL,
    size_bytes    bigint NOT NULL CHECK (size_bytes >= 0),
    storage_key   text NOT NULL UNIQUE,
    uploaded_by   uuid NOT NULL,
    uploaded_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX attachments_task ON attachments (task_id);
CREATE INDEX attachments_comment ON attachments (comment_id);

CREATE TABLE notifications (
    notification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id         uuid NOT NULL,
    task_id         bigint REFERENCES tasks ON DELETE CASCADE,
    kind            text NOT NULL,
    payload         jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    read_at         timestamptz
);

CREATE INDEX notifications_unread ON notifications (user_id, created_at) WHERE read_at IS NULL;
CREATE INDEX notifications_task ON notifications (task_id);
