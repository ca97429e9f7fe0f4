-- Nothing is rewritten or scanned here: what takes long was built before, beside the running system.
SET LOCAL lock_timeout = '2s';
LOCK TABLE lookalike.images IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE lookalike.features IN ACCESS EXCLUSIVE MODE;

-- ---------------------------------------------------------------- features

-- The image first, so that the deletion of an image finds its features in every space by key.
ALTER TABLE lookalike.features DROP CONSTRAINT features_pkey;
DROP INDEX lookalike.features_collection_id_idx;
DO $$
DECLARE
    partition text;
BEGIN
    FOR partition IN
        SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
        WHERE h.inhparent = 'lookalike.features'::regclass
    LOOP
        IF to_regclass(format('lookalike.%I', partition || '_image_space_key')) IS NOT NULL THEN
            EXECUTE format('ALTER TABLE lookalike.%1$I ADD CONSTRAINT %2$I '
                'PRIMARY KEY USING INDEX %3$I',
                partition, partition || '_pkey', partition || '_image_space_key');
        END IF;
    END LOOP;
END $$;
-- What the partitions have already is taken, not built again.
ALTER TABLE lookalike.features ADD CONSTRAINT features_pkey PRIMARY KEY (image_id, space_id);
CREATE INDEX features_collection_image_idx ON lookalike.features (collection_id, image_id);

-- ------------------------------------------------------------ search keys

-- An index of one collection's features in one feature space. Its keys stand in a table of their
-- own, keys_<id>: of 128 dimensions, or bits, where the features are past every index's limit.
CREATE TABLE lookalike.search_indexes (
    id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT search_indexes_pkey PRIMARY KEY,
    collection_id integer NOT NULL
        CONSTRAINT search_indexes_collection_id_fkey REFERENCES lookalike.collections,
    space_id integer NOT NULL
        CONSTRAINT search_indexes_space_id_fkey REFERENCES lookalike.feature_spaces,
    recipe text NOT NULL
        CONSTRAINT search_indexes_recipe_check CHECK (recipe IN ('pca', 'bits')),
    dimensions integer NOT NULL,
    partitions integer NOT NULL DEFAULT 1,
    -- filling: keys are written; building: the index is; serving: searches use it.
    state text NOT NULL DEFAULT 'filling' CONSTRAINT search_indexes_state_check
        CHECK (state IN ('filling', 'building', 'serving', 'retired')),
    -- Every image up to this one has its key.
    filled_to bigint NOT NULL DEFAULT 0,
    -- How many rows the transform was fitted on, and the share of their variance that it keeps.
    n_fitted bigint NOT NULL,
    captured real NOT NULL,
    ef_search integer NOT NULL,
    n_shortlist integer NOT NULL,
    recall_target real,
    recall real,
    recall_k integer,
    n_sampled integer,
    measured_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    serving_at timestamptz
);
CREATE UNIQUE INDEX search_indexes_serving_key
    ON lookalike.search_indexes (collection_id, space_id) WHERE state = 'serving';

-- What makes a key of features. Rows of an index are never changed.
CREATE TABLE lookalike.key_axes (
    index_id integer NOT NULL CONSTRAINT key_axes_index_id_fkey
        REFERENCES lookalike.search_indexes ON DELETE CASCADE,
    number smallint NOT NULL,
    axis halfvec NOT NULL,
    origin real NOT NULL,
    CONSTRAINT key_axes_pkey PRIMARY KEY (index_id, number)
);
-- In line as long as one fits a page: a key made through TOAST takes more than twice as long.
ALTER TABLE lookalike.key_axes ALTER axis SET STORAGE MAIN;

-- Distances, in a feature space, below which images of a collection are near-duplicates or similar.
CREATE TABLE lookalike.calibrations (
    collection_id integer NOT NULL CONSTRAINT calibrations_collection_id_fkey
        REFERENCES lookalike.collections ON DELETE CASCADE,
    space_id integer NOT NULL
        CONSTRAINT calibrations_space_id_fkey REFERENCES lookalike.feature_spaces,
    near_duplicate_distance double precision NOT NULL,
    similar_distance double precision NOT NULL,
    n_pairs integer NOT NULL,
    calibrated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT calibrations_pkey PRIMARY KEY (collection_id, space_id),
    CONSTRAINT calibrations_order_check CHECK (
            0 <= near_duplicate_distance AND near_duplicate_distance <= similar_distance)
);

-- A collection that changes its encoder: both feature spaces are kept filled, until one is dropped.
CREATE TABLE lookalike.reembeddings (
    collection_id integer NOT NULL CONSTRAINT reembeddings_pkey PRIMARY KEY
        CONSTRAINT reembeddings_collection_id_fkey
        REFERENCES lookalike.collections ON DELETE CASCADE,
    -- The space that served at the start, and the new one.
    old_space_id integer NOT NULL
        CONSTRAINT reembeddings_old_space_id_fkey REFERENCES lookalike.feature_spaces,
    new_space_id integer NOT NULL
        CONSTRAINT reembeddings_new_space_id_fkey REFERENCES lookalike.feature_spaces,
    -- Every image up to this one was looked at in this round.
    swept_to bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    flipped_at timestamptz,
    CONSTRAINT reembeddings_spaces_check CHECK (old_space_id <> new_space_id)
);

-- Keys follow the features in the same statement, whoever writes these; and they are counted.
CREATE FUNCTION lookalike.follow_features() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed lookalike.search_indexes;
BEGIN
    FOR changed IN
        SELECT x.* FROM lookalike.search_indexes x
        WHERE x.state <> 'retired' AND EXISTS (
            SELECT FROM added a
            WHERE a.space_id = x.space_id AND a.collection_id = x.collection_id)
        ORDER BY x.id
    LOOP
        -- In one order, as their images were locked: two writers cannot deadlock.
        EXECUTE format(
            'INSERT INTO lookalike.keys_%1$s (image_id, key) '
            'SELECT image_id, lookalike.key_%1$s(features) FROM added '
            'WHERE space_id = %2$s AND collection_id = %3$s ORDER BY image_id '
            'ON CONFLICT (image_id) DO UPDATE SET key = excluded.key',
            changed.id, changed.space_id, changed.collection_id);
    END LOOP;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO lookalike.tallies (collection_id, space_id, what, n)
            SELECT collection_id, space_id, 'features', count(*)
            FROM added GROUP BY collection_id, space_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER features_added AFTER INSERT ON lookalike.features
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION lookalike.follow_features();
CREATE TRIGGER features_changed AFTER UPDATE ON lookalike.features
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION lookalike.follow_features();

CREATE FUNCTION lookalike.forget_features() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed lookalike.search_indexes;
BEGIN
    FOR changed IN
        SELECT x.* FROM lookalike.search_indexes x
        WHERE x.state <> 'retired' AND EXISTS (
            SELECT FROM gone g WHERE g.space_id = x.space_id AND g.collection_id = x.collection_id)
        ORDER BY x.id
    LOOP
        EXECUTE format(
            'DELETE FROM lookalike.keys_%1$s k USING gone g '
            'WHERE k.image_id = g.image_id AND g.space_id = %2$s', changed.id, changed.space_id);
    END LOOP;
    INSERT INTO lookalike.tallies (collection_id, space_id, what, n)
        SELECT collection_id, space_id, 'features', -count(*)
        FROM gone GROUP BY collection_id, space_id;
    RETURN NULL;
END $$;
CREATE TRIGGER features_deleted AFTER DELETE ON lookalike.features
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION lookalike.forget_features();
