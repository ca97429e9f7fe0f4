"""Statements that nobody should send, and what each comes to."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.integration.hostile.questions import FOREIGN, INF, INJECTION, NAN, SPACE, N


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement, its arguments, and what comes: a SQLSTATE, or so many rows."""

    statement: str
    arguments: tuple[object, ...]
    outcome: str | int

    def __str__(self) -> str:
        return f"{self.statement} {self.arguments}"[:90]


BY_VECTOR = "SELECT * FROM nearest_images(%s::halfvec, 'default')"
BY_IMAGE = "SELECT * FROM nearest_images(1, 10"
GOOD = "[1,2,3,4,5,6,7,8]"


def vector(text: str | None, outcome: str | int) -> Sql:
    return Sql(BY_VECTOR, (text,), outcome)


def by_image(rest: str, outcome: str | int, *arguments: object) -> Sql:
    return Sql(f"{BY_IMAGE}, {rest})", arguments, outcome)


def filtered(text: str | None, outcome: str | int) -> Sql:
    return by_image("filter => %s::jsonb", outcome, text)


def predicated(text: str | None, outcome: str | int) -> Sql:
    return by_image("predicate => %s::jsonpath", outcome, text)


VECTORS = [
    vector(None, "22023"),
    vector("[NaN,2,3,4,5,6,7,8]", "22000"),
    vector("[Infinity,2,3,4,5,6,7,8]", "22000"),
    vector("[-inf,2,3,4,5,6,7,8]", "22000"),
    vector("[65520,2,3,4,5,6,7,8]", "22003"),
    vector("[1e300,2,3,4,5,6,7,8]", "22003"),
    vector("[0,0,0,0,0,0,0,0]", "22023"),
    vector("[-0,0,0,0,0,0,0,0]", "22023"),
    vector("[1e-10,0,0,0,0,0,0,0]", "22023"),
    vector("[65504,-65504,65504,65504,65504,65504,65504,65504]", 10),
    vector("[-1,-2,-3,-4,-5,-6,-7,-8]", 10),
    vector("[]", "22000"),
    vector("", "22P02"),
    vector("[1,2,3", "22P02"),
    vector("[1,2,3]x", "22P02"),
    vector("(1,2,3,4,5,6,7,8)", "22P02"),
    vector(INJECTION, "22P02"),
    vector("[1]", "22000"),
    vector("[1,2,3,4,5,6,7]", "22000"),
    vector("[1,2,3,4,5,6,7,8,9]", "22000"),
    vector(f"[{','.join('1' * 16_000)}]", "22000"),
    vector(f"[{','.join('1' * 16_001)}]", "54000"),
]

PLACES = [
    *(
        Sql("SELECT * FROM nearest_images(%s::halfvec, %s)", (GOOD, name), "42704")
        for name in (
            None,
            "",
            "nowhere",
            "DEFAULT",
            "default ",
            INJECTION,
            "x" * 100_000,
            "üñí😀",
            "%",
            "default' OR '1'='1",
            '"default"',
        )
    ),
    Sql("SELECT * FROM nearest_images(%s::halfvec, 'empty')", (GOOD,), 0),
    Sql("SELECT * FROM nearest_images(%s::halfvec, NULL, NULL)", (None,), "22023"),
    Sql("SELECT * FROM nearest_images(%s::halfvec, 'default', 10, %s)", (GOOD, SPACE.name), 10),
    *(
        Sql("SELECT * FROM nearest_images(%s::halfvec, 'default', 10, %s)", (GOOD, space), "22000")
        for space in (FOREIGN.name, "", INJECTION, SPACE.name + "x")
    ),
    *(by_image("%s", "42704", name) for name in ("", "nowhere", INJECTION, "Default")),
    by_image("'foreign'", "22000"),
    by_image("'empty'", 0),
    by_image("NULL", 10),
]

NUMBERS = [
    *(
        Sql("SELECT * FROM nearest_images(1, %s)", (k,), "22023")
        for k in (0, -1, 10_001, 10**9, -(10**9), None)
    ),
    Sql("SELECT * FROM nearest_images(1, %s)", (10_000,), N - 1),
    Sql("SELECT * FROM nearest_images(1, 10::bigint * 10000000000)", (), "42883"),
    *(
        Sql("SELECT * FROM nearest_images(CAST(%s AS bigint))", (image,), "P0002")
        for image in (None, 0, -1, 999_999, 2**63 - 1, -(2**63))
    ),
    Sql("SELECT * FROM nearest_images(%s::bigint)", (2**63,), "22003"),
    Sql("SELECT * FROM nearest_images(%s::bigint)", (INJECTION,), "22P02"),
    *(by_image("threshold => %s", "22023", t) for t in (NAN, -1, -INF, -1e-300)),
    by_image("threshold => %s", 10, INF),
    by_image("threshold => %s", 10, None),
    by_image("threshold => %s", 10, 2),
    by_image("threshold => %s", 0, 0),
    by_image("threshold => %s", 10, 1e308),
    by_image("exact => NULL", 10),
    by_image("exact => true", 10),
]

FILTERS = [
    filtered(None, 10),
    filtered("{}", 10),
    *(filtered(text, "22023") for text in ("[]", "null", "1", '"a"', "true", '[{"n": 1}]')),
    *(filtered(text, "22P02") for text in ("", "{", "{'n': 1}", '{"n": NaN}', '{"n": 1}}')),
    filtered('{"n": "\\u0000"}', "22P05"),
    filtered('{"n": "\\ud800"}', "22P02"),
    filtered('{"n": 1}', 1),
    filtered('{"n": 1.0}', 1),
    filtered('{"n": "1"}', 0),
    filtered('{"n": 1e1000}', 0),
    filtered('{"n": null}', 0),
    filtered('{"colour": "red"}', 10),
    filtered(json.dumps({"tags": [INJECTION]}), 10),
    filtered(json.dumps({INJECTION: 1}), 0),
    filtered(json.dumps({"colour": "x" * 1_000_000}), 0),
    filtered(json.dumps({str(i): i for i in range(5000)}), 0),
    filtered(json.dumps({"😀": "ü\u202e"}), 0),
    filtered('{"a":' * 500 + "1" + "}" * 500, 0),
    filtered('{"a":' * 100_000 + "1" + "}" * 100_000, "54001"),
    filtered('{"n": {"n": {}}}', 0),
    filtered('{"colour": {}}', 0),
    filtered('{"tags": []}', 10),
    Sql("SELECT * FROM nearest_images(1, 10, NULL, NULL, NULL, NULL, NULL)", (), 10),
    Sql("SELECT * FROM nearest_images(1, NULL, NULL, NULL, NULL, NULL, NULL)", (), "22023"),
    Sql(
        "SELECT * FROM nearest_images(NULL::bigint, NULL, NULL, NULL, NULL, NULL, NULL)",
        (),
        "P0002",
    ),
    Sql(
        "SELECT * FROM nearest_images(NULL::halfvec, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        (),
        "22023",
    ),
]

PREDICATES = [
    predicated(None, 10),
    predicated("$.n < 5", 4),
    predicated("$.n < 5 || $.n > 1000", 4),
    predicated('$.colour == "red"', 10),
    *(
        predicated(text, "42601")
        for text in (
            "$.",
            "$.n <",
            "lookalike.images",
            INJECTION,
            "$ ? (",
            "@.n == 1",
            "1; SELECT 1",
            "$[last",
        )
    ),
    predicated("", "22P02"),
    predicated('$.colour like_regex "("', "2201B"),
    predicated("$.nothing > 1", 0),
    predicated("$.colour > 1", 0),
    predicated("$.n / 0 == 1", 0),
    predicated("$.n", 0),
    predicated("$", 0),
    predicated("$.n ? (@ > 3)", 0),
    predicated('exists($.tags[*] ? (@ == "a"))', 10),
    predicated("$.n == 1e400000", "22003"),
    predicated("$.n == " + "9" * 1000, 0),
    predicated('$.colour == "' + "x" * 1_000_000 + '"', 0),
    predicated("(" * 50_000 + "$.n == 1" + ")" * 50_000, "42601"),
    predicated('$."' + INJECTION + '" == 1', 0),
    predicated("strict $.nothing == 1", 0),
]

OTHERS = [
    *(
        Sql(f"SELECT lookalike.explain_search({rest}) LIMIT 1", (), outcome)
        for rest, outcome in (
            ("1", 1),
            ("NULL", "P0002"),
            ("0", "P0002"),
            ("1, 0", "22023"),
            ("1, NULL", "22023"),
            ("1, 1000000000", "22023"),
            ("1, 10, 'nowhere'", "42704"),
            ("1, 10, NULL, '[]'", "22023"),
        )
    ),
    *(
        Sql(f"SELECT * FROM duplicate_images({rest})", (), outcome)
        for rest, outcome in (
            ("1", 0),
            ("NULL", "P0002"),
            ("-1", "P0002"),
            ("1, 'nowhere'", "42704"),
            ("1, NULL, 0", "22023"),
            ("1, NULL, NULL", "22023"),
            ("1, 'foreign'", "22000"),
            ("1, NULL, 1000000000", "22023"),
        )
    ),
    *(
        Sql(f"SELECT * FROM duplicate_pairs({rest})", (), outcome)
        for rest, outcome in (
            ("'default'", 0),
            ("NULL", "42704"),
            ("'nowhere'", "42704"),
            ("'default', NULL", "22023"),
            ("'default', 'Identical'", "22023"),
            ("'default', 'near_duplicate'", "55000"),
            ("'default', 'identical', NULL, NULL", 0),
            ("'default', 'identical', 9223372036854775807", 0),
            ("'default', 'identical', 5, -5", 0),
            ("'empty'", 0),
        )
    ),
    Sql("SELECT * FROM duplicate_pairs(%s, %s)", (INJECTION, "identical"), "42704"),
    Sql("SELECT * FROM duplicate_pairs('default', %s)", (INJECTION,), "22023"),
]

SQL = [*VECTORS, *PLACES, *NUMBERS, *FILTERS, *PREDICATES, *OTHERS]
