-- New tables, and a trigger on `jobs`: whoever writes jobs waits for an instant.
SET LOCAL lock_timeout = '2s';

-- Who is told when jobs end.
CREATE TABLE lookalike.webhooks (
    id integer GENERATED ALWAYS AS IDENTITY,
    url text NOT NULL,
    -- Empty: all collections.
    collection_id integer,
    -- Which ends are told.
    events text[] NOT NULL,
    -- Deliveries of what has ended leave at most so often.
    every_s real NOT NULL,
    -- What signs: both while the old one is good.
    secret bytea NOT NULL,
    old_secret bytea,
    old_secret_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    gathered_at timestamptz,
    n_delivered bigint NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    -- Deliveries that failed since the last that succeeded; nothing is sent before `held_until`.
    n_failures integer NOT NULL DEFAULT 0,
    failed_at timestamptz,
    error text,
    held_until timestamptz,
    -- Nothing is noted and nothing is sent from then on.
    disabled_at timestamptz,
    disabled_why text,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id),
    CONSTRAINT webhooks_url_check CHECK (length(url) BETWEEN 1 AND 2048),
    CONSTRAINT webhooks_events_check CHECK (
        cardinality(events) > 0 AND events <@ ARRAY['done', 'failed']
    ),
    CONSTRAINT webhooks_secret_check CHECK (octet_length(secret) BETWEEN 24 AND 64)
);

-- What has ended and is in no delivery yet: a row for each statement that ended jobs. No foreign
-- keys here: a worker's commit would wait for who removes a webhook, and fail after him.
CREATE TABLE lookalike.webhook_ends (
    id bigint GENERATED ALWAYS AS IDENTITY,
    webhook_id integer NOT NULL,
    collection_id integer NOT NULL,
    jobs jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_ends_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX webhook_ends_webhook_id_id_idx ON lookalike.webhook_ends (webhook_id, id);

-- Requests to be made; one that was taken is deleted.
CREATE TABLE lookalike.webhook_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY,
    webhook_id integer NOT NULL,
    collection_id integer NOT NULL,
    -- By which a receiver knows it again; random, so that it stays so when a backup is restored.
    message_id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Each try sends the same bytes.
    body text NOT NULL,
    n_jobs integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts smallint NOT NULL DEFAULT 0,
    -- While it is sent, when it is sent again should the sender die.
    next_at timestamptz NOT NULL DEFAULT now(),
    error text,
    -- It is not tried again by itself.
    died_at timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX webhook_deliveries_open_idx ON lookalike.webhook_deliveries (webhook_id, next_at)
    WHERE died_at IS NULL;
CREATE INDEX webhook_deliveries_dead_idx ON lookalike.webhook_deliveries (webhook_id, id)
    WHERE died_at IS NOT NULL;

-- In the transaction that ends the jobs, so none is told that has not ended, and none that has
-- ended is left out. Query images are left out: somebody waits for each of them.
CREATE FUNCTION lookalike.note_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM lookalike.webhooks WHERE disabled_at IS NULL) THEN
        RETURN NULL;
    END IF;
    INSERT INTO lookalike.webhook_ends (webhook_id, collection_id, jobs)
        SELECT w.id, a.collection_id, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'job_id', a.id, 'image_id', a.image_id, 'status', a.status, 'error', a.error,
            'space', s.encoder || '@' || left(s.digest, 12), 'finished_at', a.finished_at
        )) ORDER BY a.id)
        FROM added a JOIN gone g ON g.id = a.id
        JOIN lookalike.webhooks w ON w.disabled_at IS NULL AND a.status = ANY (w.events)
            AND (w.collection_id IS NULL OR w.collection_id = a.collection_id)
        LEFT JOIN lookalike.feature_spaces s ON s.id = a.space_id
        WHERE a.status <> g.status AND a.image_id IS NOT NULL
        GROUP BY w.id, a.collection_id;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_ended AFTER UPDATE ON lookalike.jobs
    REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION lookalike.note_ends();
