-- Not in the first schema of the search path, which is ours for a role that is named lookalike.
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;

CREATE SEQUENCE lookalike.lease_numbers AS bigint;

CREATE TABLE lookalike.feature_spaces (
    id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT feature_spaces_pkey PRIMARY KEY,
    encoder text NOT NULL,
    digest text NOT NULL CONSTRAINT feature_spaces_digest_key UNIQUE,
    dimensions integer NOT NULL
        CONSTRAINT feature_spaces_dimensions_check CHECK (dimensions BETWEEN 1 AND 16000),
    trained boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE lookalike.collections (
    id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT collections_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT collections_name_key UNIQUE
        CONSTRAINT collections_name_check CHECK (length(name) BETWEEN 1 AND 200),
    space_id integer CONSTRAINT collections_space_id_fkey REFERENCES lookalike.feature_spaces,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE lookalike.images (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT images_pkey PRIMARY KEY,
    collection_id integer NOT NULL
        CONSTRAINT images_collection_id_fkey REFERENCES lookalike.collections,
    reference text NOT NULL,
    image_key bytea,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT images_collection_id_reference_key UNIQUE (collection_id, reference)
);
CREATE INDEX images_image_key_idx ON lookalike.images (image_key);

CREATE TABLE lookalike.jobs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT jobs_pkey PRIMARY KEY,
    collection_id integer NOT NULL
        CONSTRAINT jobs_collection_id_fkey REFERENCES lookalike.collections,
    image_id bigint CONSTRAINT jobs_image_id_fkey REFERENCES lookalike.images ON DELETE CASCADE,
    reference text NOT NULL,
    space_id integer CONSTRAINT jobs_space_id_fkey REFERENCES lookalike.feature_spaces,
    lane smallint NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'queued'
        CONSTRAINT jobs_status_check
        CHECK (status IN ('queued', 'leased', 'retry', 'done', 'failed')),
    attempts smallint NOT NULL DEFAULT 0,
    available_at timestamptz NOT NULL DEFAULT now(),
    lease bigint,
    lease_until timestamptz,
    leased_at timestamptz,
    claimed_at timestamptz,
    worker text,
    error text,
    message text,
    fetched_ms integer,
    decoded_ms integer,
    batched_ms integer,
    encoded_ms integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX jobs_ready_idx ON lookalike.jobs (space_id, lane, available_at, id)
    WHERE status IN ('queued', 'retry');
CREATE INDEX jobs_leased_idx ON lookalike.jobs (space_id, lease_until) WHERE status = 'leased';
CREATE UNIQUE INDEX jobs_open_key ON lookalike.jobs (image_id)
    WHERE status IN ('queued', 'retry', 'leased');
CREATE INDEX jobs_image_id_idx ON lookalike.jobs (image_id);
CREATE INDEX jobs_collection_id_status_idx ON lookalike.jobs (collection_id, status);

CREATE TABLE lookalike.uploads (
    image_key bytea CONSTRAINT uploads_pkey PRIMARY KEY,
    data bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Pictures are compressed already.
ALTER TABLE lookalike.uploads ALTER data SET STORAGE EXTERNAL;

CREATE TABLE lookalike.features (
    space_id integer NOT NULL
        CONSTRAINT features_space_id_fkey REFERENCES lookalike.feature_spaces,
    collection_id integer NOT NULL,
    image_id bigint NOT NULL
        CONSTRAINT features_image_id_fkey REFERENCES lookalike.images ON DELETE CASCADE,
    features halfvec NOT NULL,
    CONSTRAINT features_pkey PRIMARY KEY (space_id, image_id)
) PARTITION BY LIST (space_id);
CREATE INDEX features_collection_id_idx ON lookalike.features (collection_id);

CREATE TABLE lookalike.query_features (
    job_id bigint CONSTRAINT query_features_pkey PRIMARY KEY
        CONSTRAINT query_features_job_id_fkey REFERENCES lookalike.jobs ON DELETE CASCADE,
    space_id integer NOT NULL
        CONSTRAINT query_features_space_id_fkey REFERENCES lookalike.feature_spaces,
    features halfvec NOT NULL
);

CREATE TABLE lookalike.workers (
    id text CONSTRAINT workers_pkey PRIMARY KEY,
    space_id integer NOT NULL
        CONSTRAINT workers_space_id_fkey REFERENCES lookalike.feature_spaces,
    description text NOT NULL,
    n_done bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    last_progress timestamptz
);

-- Makes a feature space known and gives its id; its features get a partition of their own.
CREATE FUNCTION lookalike.register_space(
    encoder text, digest text, dimensions integer, trained boolean
) RETURNS integer LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    space integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lookalike.register_space', 0));
    SELECT s.id INTO space FROM lookalike.feature_spaces s WHERE s.digest = digest;
    IF FOUND THEN
        RETURN space;
    END IF;
    INSERT INTO lookalike.feature_spaces AS s (encoder, digest, dimensions, trained)
        VALUES (encoder, digest, dimensions, trained) RETURNING s.id INTO space;
    EXECUTE format(
        'CREATE TABLE lookalike.features_%1$s PARTITION OF lookalike.features '
        '(CONSTRAINT features_%1$s_dimensions_check CHECK (vector_dims(features) = %2$s)) '
        'FOR VALUES IN (%1$s)', space, dimensions);
    -- In line as long as a row fits a page (up to 4,048 dimensions): an exact scan is then
    -- twice as fast as through TOAST. Past that, out of line and uncompressed.
    EXECUTE format('ALTER TABLE lookalike.features_%s ALTER features SET STORAGE %s',
        space, CASE WHEN dimensions <= 4048 THEN 'PLAIN' ELSE 'EXTERNAL' END);
    RETURN space;
END $$;

-- The k images of a collection nearest to some features, by cosine distance, nearest first.
CREATE FUNCTION public.nearest_images(
    features halfvec, collection text, k integer DEFAULT 10, feature_space text DEFAULT NULL
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    the_collection integer;
    space lookalike.feature_spaces;
    space_name text;
BEGIN
    SELECT c.id INTO the_collection FROM lookalike.collections c
        WHERE c.name = nearest_images.collection;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no collection is named %', quote_literal(nearest_images.collection)
            USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM lookalike.collections';
    END IF;
    SELECT s.* INTO space FROM lookalike.feature_spaces s
        JOIN lookalike.collections c ON c.space_id = s.id WHERE c.id = the_collection;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    space_name := space.encoder || '@' || left(space.digest, 12);
    IF vector_dims(nearest_images.features) <> space.dimensions
        OR nearest_images.feature_space <> space_name THEN
        RAISE EXCEPTION 'found % features of the feature space %; expected % of %',
            vector_dims(nearest_images.features),
            coalesce(nearest_images.feature_space, 'unknown'), space.dimensions, space_name
            USING ERRCODE = 'data_exception',
            HINT = 'features compare only inside one feature space: encode the query with it';
    END IF;
    RETURN QUERY
        SELECT n.image_id, i.reference, n.distance, i.metadata
        FROM (
            SELECT f.image_id, f.features <=> nearest_images.features AS distance
            FROM lookalike.features f
            WHERE f.space_id = space.id AND f.collection_id = the_collection
            ORDER BY distance, f.image_id LIMIT nearest_images.k
        ) n JOIN lookalike.images i ON i.id = n.image_id
        ORDER BY n.distance, n.image_id;
END $$;

-- The k images nearest to one that is stored already, itself left out; by default in its own
-- collection.
CREATE FUNCTION public.nearest_images(
    image bigint, k integer DEFAULT 10, collection text DEFAULT NULL
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    query record;
BEGIN
    SELECT f.features, c.name, s.encoder || '@' || left(s.digest, 12) AS space INTO query
        FROM lookalike.images i
        JOIN lookalike.collections c ON c.id = i.collection_id
        JOIN lookalike.feature_spaces s ON s.id = c.space_id
        JOIN lookalike.features f ON f.space_id = s.id AND f.image_id = i.id
        WHERE i.id = nearest_images.image;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'image % has no features', nearest_images.image
            USING ERRCODE = 'no_data_found',
            HINT = 'it is unknown, still in the queue, or failed: lookalike why '
                || nearest_images.image;
    END IF;
    RETURN QUERY
        SELECT n.* FROM public.nearest_images(query.features,
            coalesce(nearest_images.collection, query.name), nearest_images.k + 1, query.space) n
        WHERE n.image_id <> nearest_images.image LIMIT nearest_images.k;
END $$;
