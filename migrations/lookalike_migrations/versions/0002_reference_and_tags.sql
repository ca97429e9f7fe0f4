-- Nothing is rewritten or scanned: the locks are held for milliseconds. Whoever waits for one
-- makes others wait, so behind a long transaction this gives up, and can be run again.
SET LOCAL lock_timeout = '2s';

-- In the order in which a worker's commit takes them, so that the two cannot deadlock.
LOCK TABLE lookalike.images IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE lookalike.feature_spaces IN ACCESS EXCLUSIVE MODE;

-- TensorFlow's features, in float32, of the golden images that `golden_images` names: what every
-- worker of the space is held against. Little-endian, row after row.
ALTER TABLE lookalike.feature_spaces
    ADD golden_images text,
    ADD reference bytea
        CONSTRAINT feature_spaces_reference_check CHECK (
            (reference IS NULL) = (golden_images IS NULL)
            AND octet_length(reference) % (4 * dimensions) = 0
        );

-- The image comes first in the key, which so serves an image's tags and its deletion too.
CREATE TABLE lookalike.image_tags (
    space_id integer NOT NULL
        CONSTRAINT image_tags_space_id_fkey REFERENCES lookalike.feature_spaces,
    image_id bigint NOT NULL
        CONSTRAINT image_tags_image_id_fkey REFERENCES lookalike.images ON DELETE CASCADE,
    label text NOT NULL,
    probability real NOT NULL,
    CONSTRAINT image_tags_pkey PRIMARY KEY (image_id, space_id, label)
);
CREATE INDEX image_tags_label_idx
    ON lookalike.image_tags (space_id, label, probability DESC);
