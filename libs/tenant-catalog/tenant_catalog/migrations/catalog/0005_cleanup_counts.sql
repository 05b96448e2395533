-- What a clean-up deleted, counted in the transaction that deleted it: an attempt that is run again
-- cannot know what the one before it had committed.
CREATE TABLE cleanup_counts (
    cleanup_id text NOT NULL,
    table_name text NOT NULL,
    deleted    bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cleanup_id, table_name)
);

CREATE INDEX cleanup_counts_age ON cleanup_counts (updated_at);
