-- What users call.

DROP FUNCTION public.nearest_images(halfvec, text, integer, text);
DROP FUNCTION public.nearest_images(bigint, integer, text);

-- Raises what is wrong with a query or its filters.
CREATE FUNCTION lookalike.check_query(
    query halfvec, filter jsonb, threshold double precision
) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF query IS NULL OR l2_norm(query) = 0 THEN
        RAISE EXCEPTION 'found % as the query; expected features that are not all zero',
            CASE WHEN query IS NULL THEN 'NULL' ELSE 'only zeros' END
            USING ERRCODE = 'invalid_parameter_value',
            HINT = 'zeros have no direction, so nothing is near them: encode the image again';
    END IF;
    IF jsonb_typeof(filter) <> 'object' THEN
        RAISE EXCEPTION 'found the filter %; expected a JSON object', left(filter::text, 200)
            USING ERRCODE = 'invalid_parameter_value',
            HINT = 'an image passes whose metadata contain it: {"colour": "red"}';
    END IF;
    IF threshold = 'NaN' OR threshold < 0 THEN
        RAISE EXCEPTION 'found the threshold %; expected a cosine distance, 0 to 2', threshold
            USING ERRCODE = 'invalid_parameter_value', HINT = 'leave it out for no limit';
    END IF;
END $$;

-- The nearest images by whatever way is the fastest; never fewer than there are.
CREATE FUNCTION lookalike.search(
    collection_id integer, space_id integer, query halfvec, k integer,
    filter jsonb, predicate jsonpath, threshold double precision, exact boolean, left_out bigint
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    how record;
    n_found bigint;
BEGIN
    filter := nullif(filter, '{}');
    SELECT * INTO how
        FROM lookalike.search_way(collection_id, space_id, k, filter, predicate, exact);
    IF how.way = 'index' THEN
        RETURN QUERY EXECUTE format('SELECT * FROM lookalike.search_%s($1, $2, $3, $4)',
            how.index_id) USING query, k, threshold, left_out;
        RETURN;
    END IF;
    IF how.way = 'shortlist' AND filter IS NULL AND predicate IS NULL THEN
        RETURN QUERY SELECT * FROM lookalike.search_shortlist(how.index_id, query, k, NULL, NULL,
            threshold, left_out, how.ef_search, how.n_shortlist, how.max_tuples);
        RETURN;
    END IF;
    IF how.way = 'shortlist' THEN
        -- The scan may end before it has met enough that match; then all of them are looked at.
        RETURN QUERY
            WITH found AS MATERIALIZED (
                SELECT * FROM lookalike.search_shortlist(how.index_id, query, k, filter,
                    predicate, NULL, left_out, how.ef_search, how.n_shortlist, how.max_tuples)
            ), everything AS (
                SELECT n.* FROM (SELECT count(*) AS n FROM found) c CROSS JOIN LATERAL
                    lookalike.search_exactly(CASE WHEN c.n < k THEN collection_id END, space_id,
                        query, k, filter, predicate, NULL, left_out) n
            )
            SELECT n.* FROM (
                SELECT * FROM found WHERE (SELECT count(*) FROM found) >= k
                UNION ALL SELECT * FROM everything
            ) n WHERE threshold IS NULL OR n.distance <= threshold
            ORDER BY n.distance, n.image_id;
    ELSE
        RETURN QUERY SELECT * FROM lookalike.search_exactly(collection_id, space_id, query, k,
            filter, predicate, threshold, left_out);
    END IF;
    GET DIAGNOSTICS n_found = ROW_COUNT;
    IF n_found < k AND (filter IS NOT NULL OR predicate IS NOT NULL) THEN
        RAISE NOTICE 'found % of % images: no more match', n_found, k;
    END IF;
END $$;

-- The index whose prepared function answers a plain question, if there is one: that is most of
-- them, and then nothing else has to be looked up. NULL also for a question with something wrong.
CREATE FUNCTION lookalike.prepared_index(
    collection_id integer, space_id integer, k integer
) RETURNS integer LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
BEGIN
    RETURN (SELECT x.id FROM lookalike.search_indexes x
        WHERE x.collection_id = collection_id AND x.space_id = space_id AND x.state = 'serving'
            AND k BETWEEN 1 AND x.n_shortlist / 3);
END $$;

-- The k images of a collection nearest to some features, by cosine distance, nearest first.
CREATE FUNCTION public.nearest_images(
    features halfvec, collection text, k integer DEFAULT 10, feature_space text DEFAULT NULL,
    filter jsonb DEFAULT NULL, predicate jsonpath DEFAULT NULL,
    threshold double precision DEFAULT NULL, exact boolean DEFAULT false
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    place record;
    index_id integer;
BEGIN
    PERFORM lookalike.check_query(features, filter, threshold);
    SELECT * INTO place
        FROM lookalike.search_place(collection, feature_space, vector_dims(features), k);
    IF place.space_id IS NULL THEN
        RETURN;
    END IF;
    IF filter IS NULL AND predicate IS NULL AND NOT exact THEN
        index_id := lookalike.prepared_index(place.collection_id, place.space_id, k);
        IF index_id IS NOT NULL THEN
            RETURN QUERY EXECUTE format('SELECT * FROM lookalike.search_%s($1, $2, $3, NULL)',
                index_id) USING features, k, threshold;
            RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM lookalike.search(place.collection_id, place.space_id,
        features, k, filter, predicate, threshold, exact, NULL);
END $$;

-- The k images nearest to one that is stored already, itself left out; by default in its own
-- collection.
CREATE FUNCTION public.nearest_images(
    image bigint, k integer DEFAULT 10, collection text DEFAULT NULL,
    filter jsonb DEFAULT NULL, predicate jsonpath DEFAULT NULL,
    threshold double precision DEFAULT NULL, exact boolean DEFAULT false
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    query record;
    place record;
    index_id integer;
BEGIN
    SELECT i.collection_id, c.space_id INTO query
        FROM lookalike.images i JOIN lookalike.collections c ON c.id = i.collection_id
        WHERE i.id = image;
    IF collection IS NULL AND filter IS NULL AND predicate IS NULL AND threshold IS NULL
        AND NOT exact THEN
        index_id := lookalike.prepared_index(query.collection_id, query.space_id, k);
        IF index_id IS NOT NULL THEN
            RETURN QUERY EXECUTE format('SELECT * FROM lookalike.search_%s(NULL, $1, NULL, $2)',
                index_id) USING k, image;
            IF FOUND THEN
                RETURN;
            END IF;
        END IF;
    END IF;
    SELECT * INTO query FROM lookalike.stored_query(image);
    SELECT * INTO place FROM lookalike.search_place(coalesce(collection, query.collection),
        query.space, vector_dims(query.features), k);
    PERFORM lookalike.check_query(query.features, filter, threshold);
    RETURN QUERY SELECT * FROM lookalike.search(place.collection_id, place.space_id,
        query.features, k, filter, predicate, threshold, exact, image);
END $$;

-- How nearest_images would go about this question: the way, and the plan of its statement.
CREATE FUNCTION lookalike.explain_search(
    image bigint, k integer DEFAULT 10, collection text DEFAULT NULL,
    filter jsonb DEFAULT NULL, predicate jsonpath DEFAULT NULL, exact boolean DEFAULT false
) RETURNS SETOF text LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    query record;
    place record;
    how record;
    before text;
    line text;
BEGIN
    SELECT * INTO query FROM lookalike.stored_query(image);
    SELECT * INTO place FROM lookalike.search_place(coalesce(collection, query.collection),
        query.space, vector_dims(query.features), k);
    PERFORM lookalike.check_query(query.features, filter, NULL);
    filter := nullif(filter, '{}');
    SELECT * INTO how FROM lookalike.search_way(place.collection_id, place.space_id, k, filter,
        predicate, exact);
    IF how.way = 'exact' THEN
        RETURN NEXT 'exact: every image'
            || CASE WHEN filter IS NULL AND predicate IS NULL THEN '' ELSE ' that matches' END
            || coalesce(', an estimated ' || round(how.n_matching), '');
        RETURN;
    END IF;
    RETURN NEXT format('index %s: a shortlist of %s by key, with ef_search %s, in exact order',
        how.index_id, how.n_shortlist, how.ef_search);
    -- As in the prepared function, which a small collection is searched by too.
    before := current_setting('enable_seqscan');
    PERFORM set_config('enable_seqscan', CASE how.way WHEN 'index' THEN 'off' ELSE before END, true);
    -- Without the features of the query, which the plan spells out.
    FOR line IN EXECUTE 'EXPLAIN ' || lookalike.shortlist_statement(how.index_id, filter,
        predicate, how.n_shortlist)
        USING query.features, filter, predicate, NULL::double precision, image, k
    LOOP
        RETURN NEXT regexp_replace(line, '\[[^]]{40,}\]', '[…]');
    END LOOP;
    PERFORM set_config('enable_seqscan', before, true);
END $$;
