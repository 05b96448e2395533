CREATE TABLE tasks (
    task_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
    parent_id   bigint REFERENCES tasks ON DELETE CASCADE,
    number      integer NOT NULL,
    title       text NOT NULL,
    description text NOT NULL DEFAULT '',
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'in_progress', 'done')),
    priority    smallint NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
    assignee    uuid,
    created_by  uuid NOT NULL,
    due_on      date,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, number)
);

CREATE INDEX tasks_board ON tasks (project_id, state, priority);
CREATE INDEX tasks_parent ON tasks (parent_id);
CREATE INDEX tasks_assignee ON tasks (assignee, state) WHERE assignee IS NOT NULL;
CREATE INDEX tasks_due ON tasks (due_on) WHERE state <> 'done';
CREATE INDEX tasks_text ON tasks USING gin (to_tsvector('simple', title || ' ' || description));

CREATE TABLE labels (
    label_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL UNIQUE,
    colour   text NOT NULL CHECK (colour ~ '^#[0-9a-f]{6}$')
);

CREATE TABLE task_labels (
    task_id  bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
    label_id bigint NOT NULL REFERENCES labels ON DELETE CASCADE,
    PRIMARY KEY (task_id, label_id)
);

CREATE INDEX task_labels_label ON task_labels (label_id);
