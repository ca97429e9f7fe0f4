-- New tables alone: nothing that others use is locked.

CREATE TABLE lookalike.api_keys (
    id integer GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    -- SHA-256 of the secret, which has 256 random bits and so needs no salt and no slow hash.
    digest bytea NOT NULL,
    -- The secret's first characters, by which its owner knows it again.
    hint text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_digest_key UNIQUE (digest),
    CONSTRAINT api_keys_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT api_keys_digest_check CHECK (octet_length(digest) = 32),
    CONSTRAINT api_keys_scopes_check CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'write', 'admin']
    )
);

-- A request that came with a key of its own, and what was answered: the same again gets the same.
CREATE TABLE lookalike.idempotent_requests (
    -- 0 where the API asks for no key.
    api_key_id integer NOT NULL,
    key text NOT NULL,
    -- SHA-256 of the method, the path and the body: another request must not take this key.
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- These three are empty while the first such request is under way.
    status smallint,
    headers jsonb,
    body bytea,
    CONSTRAINT idempotent_requests_pkey PRIMARY KEY (api_key_id, key),
    CONSTRAINT idempotent_requests_key_check CHECK (length(key) BETWEEN 1 AND 255)
);
CREATE INDEX idempotent_requests_created_at_idx ON lookalike.idempotent_requests (created_at);

-- Small pictures of images, written with their features; they go with their image.
CREATE TABLE lookalike.thumbnails (
    image_id bigint NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT thumbnails_pkey PRIMARY KEY (image_id),
    CONSTRAINT thumbnails_image_id_fkey FOREIGN KEY (image_id)
        REFERENCES lookalike.images (id) ON DELETE CASCADE
);
-- They are compressed already.
ALTER TABLE lookalike.thumbnails ALTER COLUMN data SET STORAGE EXTERNAL;

-- Users' tables whose rows are followed: a column of theirs says where an image is.
CREATE TABLE lookalike.attachments (
    id integer GENERATED ALWAYS AS IDENTITY,
    collection_id integer NOT NULL,
    "table" regclass NOT NULL,
    key_column text NOT NULL,
    url_column text NOT NULL,
    metadata_columns text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- How far the table has been read, by its key; empty once it was read to its end.
    filled_to text,
    is_filled boolean NOT NULL DEFAULT false,
    CONSTRAINT attachments_pkey PRIMARY KEY (id),
    CONSTRAINT attachments_table_url_column_collection_id_key
        UNIQUE ("table", url_column, collection_id)
);

-- Rows that were written since: the table's trigger tells which, and the row itself tells the rest.
CREATE TABLE lookalike.attached_changes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    attachment_id integer NOT NULL,
    -- Empty: all of them, since the table was truncated.
    row_key text NOT NULL,
    CONSTRAINT attached_changes_pkey PRIMARY KEY (id)
);
CREATE INDEX attached_changes_attachment_id_id_idx
    ON lookalike.attached_changes (attachment_id, id);

-- Which image a row shows.
CREATE TABLE lookalike.attached_rows (
    attachment_id integer NOT NULL,
    row_key text NOT NULL,
    image_id bigint,
    -- Whether the image is there for attached rows alone, and goes with the last of them.
    is_made boolean NOT NULL,
    -- Why the row has no image.
    refused text,
    CONSTRAINT attached_rows_pkey PRIMARY KEY (attachment_id, row_key)
);
CREATE INDEX attached_rows_image_id_idx ON lookalike.attached_rows (image_id)
    WHERE image_id IS NOT NULL;

-- Images that no row shows any more: to be erased.
CREATE TABLE lookalike.attached_orphans (
    image_id bigint NOT NULL,
    CONSTRAINT attached_orphans_pkey PRIMARY KEY (image_id)
);

-- A collection laid out in a plane.
CREATE TABLE lookalike.maps (
    collection_id integer NOT NULL,
    -- Set while a map is wanted that has not been made.
    requested_at timestamptz,
    -- Why the last try came to nothing.
    error text,
    -- Empty before the first map.
    made_at timestamptz,
    space_id integer,
    CONSTRAINT maps_pkey PRIMARY KEY (collection_id)
);

-- Where an image lies: both from 0 to 1.
CREATE TABLE lookalike.map_points (
    image_id bigint NOT NULL,
    collection_id integer NOT NULL,
    x real NOT NULL,
    y real NOT NULL,
    CONSTRAINT map_points_pkey PRIMARY KEY (image_id),
    CONSTRAINT map_points_image_id_fkey FOREIGN KEY (image_id)
        REFERENCES lookalike.images (id) ON DELETE CASCADE
);
CREATE INDEX map_points_collection_id_idx ON lookalike.map_points (collection_id);
