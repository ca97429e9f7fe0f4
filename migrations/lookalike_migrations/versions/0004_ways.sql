-- Where a search goes, and the ways that it can take.

-- Where a search of a collection goes, by default in the feature space that serves it; raises
-- what is wrong with the question.
CREATE FUNCTION lookalike.search_place(
    collection text, feature_space text, n_features integer, k integer,
    OUT collection_id integer, OUT space_id integer
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    place record;
BEGIN
    IF k IS NULL OR k NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'found k = %; expected 1 to 10000', coalesce(k::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'ask for fewer images at a time';
    END IF;
    SELECT c.id AS collection, s.id, s.dimensions, s.encoder || '@' || left(s.digest, 12) AS name
        INTO place
        FROM lookalike.collections c LEFT JOIN lookalike.feature_spaces s ON s.id = c.space_id
        WHERE c.name = collection;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no collection is named %', coalesce(quote_literal(collection), 'NULL')
            USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM lookalike.collections';
    END IF;
    collection_id := place.collection;
    IF feature_space <> place.name THEN
        -- While a collection changes its encoder, the other space answers who asks in it.
        SELECT place.collection AS collection, s.id, s.dimensions, feature_space AS name INTO place
            FROM lookalike.reembeddings r
            JOIN lookalike.feature_spaces s ON s.id IN (r.old_space_id, r.new_space_id)
            WHERE r.collection_id = place.collection
                AND s.encoder || '@' || left(s.digest, 12) = feature_space;
    END IF;
    -- None yet where no worker has ever started.
    space_id := place.id;
    IF place.id IS NOT NULL AND n_features = place.dimensions THEN
        RETURN;
    END IF;
    SELECT s.dimensions, s.encoder || '@' || left(s.digest, 12) AS name INTO place
        FROM lookalike.feature_spaces s
        JOIN lookalike.collections c ON c.space_id = s.id WHERE c.id = collection_id;
    IF FOUND THEN
        RAISE EXCEPTION 'found % features of the feature space %; expected % of %',
            n_features, coalesce(feature_space, 'unknown'), place.dimensions, place.name
            USING ERRCODE = 'data_exception',
            HINT = 'features compare only inside one feature space: encode the query with it';
    END IF;
END $$;

-- A stored image as a question: its features in the space that serves its collection.
CREATE FUNCTION lookalike.stored_query(
    image bigint, OUT features halfvec, OUT image_key bytea, OUT collection text, OUT space text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    SELECT f.features, i.image_key, c.name, s.encoder || '@' || left(s.digest, 12)
        INTO stored_query.features, stored_query.image_key, stored_query.collection,
            stored_query.space
        FROM lookalike.images i
        JOIN lookalike.collections c ON c.id = i.collection_id
        JOIN lookalike.feature_spaces s ON s.id = c.space_id
        JOIN lookalike.features f ON f.space_id = s.id AND f.image_id = i.id
        WHERE i.id = stored_query.image;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'image % has no features', coalesce(stored_query.image::text, 'NULL')
            USING ERRCODE = 'no_data_found',
            HINT = 'it is unknown, still in the queue, or failed: lookalike why '
                || coalesce(stored_query.image::text, 'ID');
    END IF;
END $$;

-- The condition on images m that filters mean, with $2 the filter and $3 the predicate.
CREATE FUNCTION lookalike.filter_condition(
    collection_id integer, filter jsonb, predicate jsonpath
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    -- The index leaves out images without metadata.
    SELECT format('m.collection_id = %s', collection_id)
        || CASE WHEN filter IS NULL AND predicate IS NULL
            THEN '' ELSE $q$ AND m.metadata <> '{}'$q$ END
        || CASE WHEN filter IS NULL THEN '' ELSE ' AND m.metadata @> $2' END
        || CASE WHEN predicate IS NULL THEN '' ELSE ' AND m.metadata @@ $3' END
$$;

-- How many images filters let pass, as the planner estimates it. Not STABLE: such a function may
-- not EXPLAIN.
CREATE FUNCTION lookalike.estimate_matching(
    collection_id integer, filter jsonb, predicate jsonpath
) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) SELECT FROM lookalike.images m WHERE '
        || lookalike.filter_condition(collection_id, filter, predicate)
        INTO plan USING NULL::text, filter, predicate;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;

-- How a search goes: `exact`, `index` (the prepared function of an index), or `shortlist` (with
-- filters, or deeper than the index is tuned for).
CREATE FUNCTION lookalike.search_way(
    collection_id integer, space_id integer, k integer, filter jsonb, predicate jsonpath,
    exact boolean, OUT way text, OUT index_id integer, OUT ef_search integer,
    OUT n_shortlist integer, OUT max_tuples bigint, OUT n_matching double precision
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    place record;
    rarity double precision;
BEGIN
    way := 'exact';
    IF exact THEN
        RETURN;
    END IF;
    SELECT x.id, x.ef_search, x.n_shortlist, greatest(c.reltuples, 1) AS n_rows INTO place
        FROM lookalike.search_indexes x
        JOIN pg_class c ON c.oid = to_regclass('lookalike.keys_' || x.id)
        WHERE x.collection_id = collection_id AND x.space_id = space_id AND x.state = 'serving';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    index_id := place.id;
    -- The shortlist was tuned for ten neighbours; a key puts the farther ones in worse order.
    n_shortlist := greatest(place.n_shortlist, 3 * k);
    ef_search := least(1000, greatest(place.ef_search, n_shortlist));
    max_tuples := 20000 + 4 * n_shortlist;
    IF filter IS NULL AND predicate IS NULL THEN
        way := CASE WHEN n_shortlist = place.n_shortlist THEN 'index' ELSE 'shortlist' END;
        RETURN;
    END IF;
    n_matching := greatest(1, lookalike.estimate_matching(collection_id, filter, predicate));
    -- The nearest that match are farther away than the nearest of all, where keys tell less: of a
    -- tenth of 200,000 images, a shortlist of eight times the length had a recall of 0.987.
    rarity := greatest(1, place.n_rows / n_matching);
    n_shortlist := greatest(n_shortlist, least(1000,
        n_shortlist * (2 - 1 / rarity) * power(rarity, 0.9)));
    ef_search := least(1000, greatest(ef_search, n_shortlist));
    -- A look at all that match costs n_matching rows; a scan until enough of them were met costs
    -- n_shortlist * n_rows / n_matching, at twice the time for each. The smaller wins.
    IF n_matching * n_matching > 2 * n_shortlist * place.n_rows THEN
        way := 'shortlist';
        max_tuples := max_tuples + (8 * n_shortlist * place.n_rows / n_matching)::bigint;
    END IF;
END $$;

-- Exactly the nearest, by a look at every row that the filters let pass.
CREATE FUNCTION lookalike.search_exactly(
    collection_id integer, space_id integer, query halfvec, k integer,
    filter jsonb, predicate jsonpath, threshold double precision, left_out bigint
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE SET jit = off AS $$
#variable_conflict use_variable
BEGIN
    IF collection_id IS NULL THEN
        RETURN;
    END IF;
    -- Planned with the numbers in it: a collection's share of the space decides the way.
    RETURN QUERY EXECUTE format(
        'SELECT n.image_id, i.reference, n.distance, i.metadata FROM ('
        '    SELECT f.image_id, f.features <=> $1 AS distance'
        '    FROM lookalike.features_%1$s f WHERE f.space_id = %1$s AND f.collection_id = %2$s'
        '    AND ($4 IS NULL OR f.features <=> $1 <= $4)'
        '    AND ($5 IS NULL OR f.image_id <> $5) %3$s ORDER BY distance, f.image_id LIMIT $6'
        ') n JOIN lookalike.images i ON i.id = n.image_id ORDER BY n.distance, n.image_id',
        space_id, collection_id,
        CASE WHEN filter IS NOT NULL OR predicate IS NOT NULL THEN format(
            'AND f.image_id IN (SELECT m.id FROM lookalike.images m WHERE %s)',
            lookalike.filter_condition(collection_id, filter, predicate)) END)
        USING query, filter, predicate, threshold, left_out, k;
END $$;

-- The statement of a search by shortlist, with $1 the query, $2 the filter, $3 the predicate, $4
-- the threshold, $5 the image that is left out, and $6 k.
CREATE FUNCTION lookalike.shortlist_statement(
    index_id integer, filter jsonb, predicate jsonpath, n_shortlist integer
) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format(
        'SELECT f.image_id, i.reference, f.features <=> $1 AS distance, '
        'i.metadata FROM (SELECT s.image_id FROM lookalike.keys_%1$s s %2$s ORDER BY s.key %3$s '
        '(SELECT coalesce((SELECT q.key FROM lookalike.keys_%1$s q WHERE q.image_id = $5), '
        'lookalike.key_%1$s($1))) LIMIT %4$s) s '
        'JOIN lookalike.features_%5$s f ON f.image_id = s.image_id AND f.space_id = %5$s '
        'JOIN lookalike.images i ON i.id = f.image_id '
        'WHERE ($4 IS NULL OR f.features <=> $1 <= $4) '
        'AND ($5 IS NULL OR f.image_id <> $5) ORDER BY distance, f.image_id LIMIT $6',
        x.id,
        CASE WHEN filter IS NOT NULL OR predicate IS NOT NULL THEN
            'JOIN lookalike.images m ON m.id = s.image_id AND '
            || lookalike.filter_condition(x.collection_id, filter, predicate) END,
        CASE x.recipe WHEN 'pca' THEN '<->' ELSE '<~>' END,
        shortlist_statement.n_shortlist, x.space_id)
    FROM lookalike.search_indexes x WHERE x.id = index_id
$$;

-- A shortlist by key, and its exact order. For any k and effort, with filters or without: the scan
-- goes on until it has found as many as are asked for, or met max_tuples of them.
CREATE FUNCTION lookalike.search_shortlist(
    index_id integer, query halfvec, k integer, filter jsonb, predicate jsonpath,
    threshold double precision, left_out bigint, ef_search integer, n_shortlist integer,
    max_tuples bigint
) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
LANGUAGE plpgsql STABLE SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    before text[] := ARRAY[current_setting('hnsw.ef_search', true),
        current_setting('hnsw.iterative_scan', true),
        current_setting('hnsw.max_scan_tuples', true)];
BEGIN
    -- Not by SET in the function's head: that needs a superuser where pgvector is not loaded yet.
    PERFORM set_config('hnsw.ef_search', ef_search::text, true),
        set_config('hnsw.iterative_scan', 'relaxed_order', true),
        set_config('hnsw.max_scan_tuples', least(max_tuples, 2147483647)::text, true);
    RETURN QUERY EXECUTE
        lookalike.shortlist_statement(index_id, filter, predicate, n_shortlist)
        USING query, filter, predicate, threshold, left_out, k;
    PERFORM set_config('hnsw.ef_search', coalesce(before[1], '40'), true),
        set_config('hnsw.iterative_scan', coalesce(before[2], 'off'), true),
        set_config('hnsw.max_scan_tuples', coalesce(before[3], '20000'), true);
END $$;
