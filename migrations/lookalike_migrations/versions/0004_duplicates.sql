-- Images that are the same: identical by their bytes, and by calibrated distances near-duplicates
-- or similar.

-- The images of a collection within a distance of some features, nearest first, a thousand at most.
CREATE FUNCTION lookalike.search_within(
    collection_id integer, space_id integer, query halfvec, threshold double precision,
    left_out bigint
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    ids bigint[];
    distances double precision[];
    k integer;
BEGIN
    -- Nearly every image has but a few: what an index is tuned for goes first.
    FOREACH k IN ARRAY ARRAY[10, 1000] LOOP
        SELECT array_agg(n.image_id), array_agg(n.distance) INTO ids, distances
            FROM lookalike.search(collection_id, space_id, query, k, NULL, NULL, threshold, false,
                left_out) n;
        EXIT WHEN ids IS NULL OR cardinality(ids) < k;
    END LOOP;
    RETURN QUERY SELECT n.image_id, i.reference, n.distance, i.metadata
        FROM unnest(ids, distances) n (image_id, distance)
        JOIN lookalike.images i ON i.id = n.image_id ORDER BY n.distance, n.image_id;
END $$;

-- The images that are the same as a stored one, the surest first, itself left out; by default in
-- its own collection. Tiers: `identical` bytes, `near_duplicate`, `similar`.
CREATE FUNCTION public.duplicate_images(
    image bigint, collection text DEFAULT NULL, k integer DEFAULT 100
) RETURNS TABLE (
    image_id bigint, reference text, tier text, distance double precision, metadata jsonb
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    query record;
    place record;
    limits lookalike.calibrations;
BEGIN
    SELECT * INTO query FROM lookalike.stored_query(image);
    SELECT * INTO place FROM lookalike.search_place(
        coalesce(collection, query.collection), query.space, vector_dims(query.features), k);
    SELECT * INTO limits FROM lookalike.calibrations l
        WHERE l.collection_id = place.collection_id AND l.space_id = place.space_id;
    IF NOT FOUND THEN
        RAISE NOTICE 'only identical images: nobody has measured yet what a near-duplicate is in %',
            coalesce(collection, query.collection)
            USING HINT = 'lookalike calibrate ' || quote_literal(coalesce(collection, query.collection));
    END IF;
    RETURN QUERY
        SELECT i.id, i.reference, 'identical', 0::double precision, i.metadata
            FROM lookalike.images i
            WHERE i.collection_id = place.collection_id AND i.image_key = query.image_key
                AND i.id <> image
        UNION ALL
        SELECT n.image_id, n.reference,
                CASE WHEN n.distance <= limits.near_duplicate_distance
                    THEN 'near_duplicate' ELSE 'similar' END, n.distance, n.metadata
            FROM lookalike.search_within(place.collection_id, place.space_id, query.features,
                limits.similar_distance, image) n
            JOIN lookalike.images i ON i.id = n.image_id
            WHERE limits.similar_distance IS NOT NULL
                AND i.image_key IS DISTINCT FROM query.image_key
        ORDER BY 4, 1 LIMIT k;
END $$;

-- The pairs of a collection's images that are the same, by a tier, with the lower id first, for
-- images beyond one id and up to another. Identical images are paired with the first of them
-- alone; there, image_id so names the group.
CREATE FUNCTION public.duplicate_pairs(
    collection text, tier text DEFAULT 'identical',
    after bigint DEFAULT 0, up_to bigint DEFAULT NULL
) RETURNS TABLE (
    image_id bigint, reference text, other_id bigint, other_reference text,
    distance double precision
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    place record;
    limits lookalike.calibrations;
    beyond double precision;
    within double precision;
BEGIN
    IF tier IS NULL OR tier NOT IN ('identical', 'near_duplicate', 'similar') THEN
        RAISE EXCEPTION 'found the tier %; expected identical, near_duplicate or similar',
            coalesce(quote_literal(tier), 'NULL') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    after := coalesce(after, 0);
    up_to := coalesce(up_to, 9223372036854775807);
    SELECT c.id, c.space_id INTO place FROM lookalike.collections c WHERE c.name = collection;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no collection is named %', coalesce(quote_literal(collection), 'NULL')
            USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM lookalike.collections';
    END IF;
    IF tier = 'identical' THEN
        RETURN QUERY
            SELECT i.id, i.reference, o.id, o.reference, 0::double precision
            FROM lookalike.features f
            JOIN lookalike.images i ON i.id = f.image_id
            JOIN lookalike.images o ON o.image_key = i.image_key
                AND o.collection_id = i.collection_id AND o.id > i.id
            WHERE f.space_id = place.space_id AND f.collection_id = place.id
                AND f.image_id > after AND f.image_id <= up_to
                AND NOT EXISTS (SELECT FROM lookalike.images e
                    WHERE e.image_key = i.image_key AND e.collection_id = i.collection_id
                        AND e.id < i.id)
            ORDER BY i.id, o.id;
        RETURN;
    END IF;
    SELECT * INTO limits FROM lookalike.calibrations l
        WHERE l.collection_id = place.id AND l.space_id = place.space_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody has measured yet what a near-duplicate is in %', collection
            USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'lookalike calibrate ' || quote_literal(collection);
    END IF;
    beyond := CASE tier WHEN 'similar' THEN limits.near_duplicate_distance ELSE -1 END;
    within := CASE tier WHEN 'similar' THEN limits.similar_distance
        ELSE limits.near_duplicate_distance END;
    RETURN QUERY
        SELECT i.id, i.reference, n.image_id, n.reference, n.distance
        FROM lookalike.features f
        JOIN lookalike.images i ON i.id = f.image_id
        CROSS JOIN LATERAL lookalike.search_within(place.id, place.space_id, f.features, within,
            f.image_id) n
        JOIN lookalike.images o ON o.id = n.image_id
        WHERE f.space_id = place.space_id AND f.collection_id = place.id
            AND f.image_id > after AND f.image_id <= up_to
            AND n.image_id > f.image_id AND n.distance > beyond
            AND o.image_key IS DISTINCT FROM i.image_key
        ORDER BY i.id, n.distance, n.image_id;
END $$;
