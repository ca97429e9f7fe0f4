"""What stands in the database for one index: a table of keys, and the functions made for it.

The functions carry the index's numbers as constants, so that Postgres plans
a search once for a session instead of anew for each: planning with 4,032
features in hand costs as much as the search itself. They are made anew when
the effort changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from lookalike.indexes.recipes import n_blocks
from lookalike.indexes.records import SearchIndex

_OPERATORS = {"pca": "<->", "bits": "<~>"}
_CLASSES = {"pca": "halfvec_l2_ops", "bits": "bit_hamming_ops"}

# Links of a row: fewer make the index smaller, and bits need more of them to be found.
_LINKS = {"pca": 12, "bits": 16}
# Twice pgvector's default: with 64, recall@10 of 200,000 rows stayed at 0.9954 however much a
# search looked at; with 128, it was 0.9992 at an ef_search of 80, for a quarter to a half more time
# to build (parts of `python -m benchmarks.search`).
_INDEX = "USING hnsw (key {operators}) WITH (m = {links}, ef_construction = 128)"

_PCA_KEY = """
    CREATE FUNCTION lookalike.key_{id}(features halfvec) RETURNS halfvec
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
    DECLARE
        unit halfvec := l2_normalize(features);
    BEGIN
        RETURN ARRAY(
            SELECT (-(a.axis <#> unit) - a.origin)::real FROM lookalike.key_axes a
            WHERE a.index_id = {id} ORDER BY a.number
        )::halfvec;
    END $$
"""

_BITS_KEY = """
    CREATE FUNCTION lookalike.key_{id}(features halfvec) RETURNS bit varying
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
    DECLARE
        x halfvec := l2_normalize(features)
            - (SELECT a.axis FROM lookalike.key_axes a WHERE a.index_id = {id});
    BEGIN
        {mixing}
        RETURN binary_quantize(x);
    END $$
"""

# `query` may be left out for an image that is stored: its features and its key are there.
# The shortlist is an array, so that its features are fetched in one scan of their key. Where rows
# have died in the index since it was vacuumed, it may come out short; only then the slower
# iterative scan is worth its while.
_SEARCH = """
    CREATE OR REPLACE FUNCTION lookalike.{name}(
        query halfvec, k integer, threshold double precision, left_out bigint
    ) RETURNS TABLE (image_id bigint, reference text, distance double precision, metadata jsonb)
    LANGUAGE plpgsql STABLE ROWS 10
    SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off
    SET plan_cache_mode = force_generic_plan AS $$
    #variable_conflict use_column
    DECLARE
        query_key {type} := (SELECT s.key FROM lookalike.keys_{id} s WHERE s.image_id = left_out);
        shortlist bigint[];
        ef_before text := current_setting('hnsw.ef_search', true);
        scan_before text;
    BEGIN
        IF query IS NULL THEN
            SELECT f.features INTO query FROM lookalike.features_{space_id} f
                WHERE f.image_id = left_out AND f.space_id = {space_id};
            IF NOT FOUND THEN
                RETURN;
            END IF;
        END IF;
        IF query_key IS NULL THEN
            query_key := lookalike.key_{id}(query);
        END IF;
        PERFORM set_config('hnsw.ef_search', '{ef_search}', true);
        shortlist := ARRAY({shortlist});
        IF cardinality(shortlist) < {n_shortlist} THEN
            scan_before := current_setting('hnsw.iterative_scan', true);
            PERFORM set_config('hnsw.iterative_scan', 'relaxed_order', true);
            shortlist := ARRAY({shortlist});
            PERFORM set_config('hnsw.iterative_scan', coalesce(scan_before, 'off'), true);
        END IF;
        PERFORM set_config('hnsw.ef_search', coalesce(ef_before, '40'), true);
        RETURN QUERY
            SELECT n.image_id, i.reference, n.distance, i.metadata
            FROM (
                SELECT f.image_id, f.features <=> query AS distance
                FROM lookalike.features_{space_id} f
                WHERE f.image_id = ANY(shortlist) AND f.space_id = {space_id}
                    AND f.image_id IS DISTINCT FROM left_out
                ORDER BY distance, f.image_id LIMIT k
            ) n JOIN lookalike.images i ON i.id = n.image_id
            WHERE threshold IS NULL OR n.distance <= threshold
            ORDER BY n.distance, n.image_id;
    END $$
"""
_SHORTLIST = """
            SELECT s.image_id FROM lookalike.keys_{id} s
            ORDER BY s.key {operator} query_key LIMIT {n_shortlist}"""


def key_type(index: SearchIndex) -> str:
    """Of the column `key`."""
    return f"{'halfvec' if index.recipe == 'pca' else 'bit'}({index.dimensions})"


def tables(index: SearchIndex) -> list[str]:
    """Those that hold keys: the one, or its partitions."""
    name = f"lookalike.keys_{index.id}"
    if index.partitions == 1:
        return [name]
    return [f"{name}_{i}" for i in range(index.partitions)]


def create(connection: Connection, index: SearchIndex) -> None:
    """The table of keys and the function that makes one; no index on them yet."""
    parent = f"lookalike.keys_{index.id}"
    is_partitioned = index.partitions > 1
    connection.execute(
        text(f"""
            CREATE TABLE {parent} (image_id bigint PRIMARY KEY, key {key_type(index)} NOT NULL)
            {"PARTITION BY HASH (image_id)" if is_partitioned else ""}
        """)
    )
    if is_partitioned:
        for i, table in enumerate(tables(index)):
            connection.execute(
                text(f"""
                    CREATE TABLE {table} PARTITION OF {parent}
                    FOR VALUES WITH (MODULUS {index.partitions}, REMAINDER {i})
                """)
            )
    template = _PCA_KEY if index.recipe == "pca" else _BITS_KEY
    mixing = "\n        ".join(_mixing(index.n_features, index.dimensions))
    _run(connection, template.format(id=index.id, mixing=mixing))


def _mixing(n_features: int, n_bits: int) -> Iterator[str]:
    """Statements on x: folded to n bits, then rounds of a Walsh-Hadamard transform over blocks."""
    n = n_features
    while n > n_bits:
        n //= 2
        yield f"x := {_part(0, n)} - {_part(1, n)};"
    size, blocks = n, n_blocks(n)
    while size > n // blocks:
        size //= 2
        pairs = [(_part(i, size), _part(i + 1, size)) for i in range(0, n // size, 2)]
        yield "x := " + " || ".join(f"({a} + {b}) || ({a} - {b})" for a, b in pairs) + ";"


def _part(number: int, size: int) -> str:
    return f"subvector(x, {number * size + 1}, {size})"


def index_statements(index: SearchIndex) -> dict[str, str]:
    """What builds the index beside running writers, by the name of what comes of it."""
    on = _INDEX.format(operators=_CLASSES[index.recipe], links=_LINKS[index.recipe])
    return {
        f"{table}_key_idx": f"CREATE INDEX CONCURRENTLY IF NOT EXISTS "
        f"{table.removeprefix('lookalike.')}_key_idx ON {table} {on}"
        for table in tables(index)
    }


def make_search(connection: Connection, index: SearchIndex, *, name: str | None = None) -> None:
    """The function that searches, with the index's effort; takes the place of the one before.

    By another name, it can be tried beside the one that serves.
    """
    shortlist = _SHORTLIST.format(
        id=index.id, operator=_OPERATORS[index.recipe], n_shortlist=index.n_shortlist
    )
    _run(
        connection,
        _SEARCH.format(
            name=name or f"search_{index.id}",
            id=index.id,
            type=key_type(index),
            shortlist=shortlist,
            ef_search=index.ef_search,
            n_shortlist=index.n_shortlist,
            space_id=index.space_id,
        ),
    )


def drop(connection: Connection, index_id: int) -> None:
    """All of it, as far as it is there."""
    for function in (
        f"search_{index_id}(halfvec, integer, double precision, bigint)",
        f"key_{index_id}(halfvec)",
    ):
        connection.execute(text(f"DROP FUNCTION IF EXISTS lookalike.{function}"))
    connection.execute(text(f"DROP TABLE IF EXISTS lookalike.keys_{index_id}"))


def _run(connection: Connection, statement: str) -> None:
    # The driver's own: SQLAlchemy would take casts for parameters.
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
