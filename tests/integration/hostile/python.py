"""Calls that nobody should make, and what each comes to."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.errors import (
    FeaturesInvalid,
    FilterInvalid,
    LookalikeError,
    Rejected,
    UnknownCollection,
    UnknownImage,
    WrongFeatureSpace,
)
from lookalike.search import QueryFeatures
from tests.integration.hostile.questions import FEATURES, FOREIGN, INF, INJECTION, NAN, SPACE, N

deep: dict[str, Any] = {}
for _ in range(100_000):
    deep = {"a": deep}

GOOD_FEATURES = FEATURES[0]
PYTHON: list[tuple[dict[str, Any], type[LookalikeError] | int]] = [
    *(
        ({"features": features}, FeaturesInvalid)
        for features in (
            np.full(8, NAN),
            np.full(8, INF),
            np.array([-INF, *range(7)]),
            np.zeros(8),
            np.array([]),
            np.ones((2, 8)),
            np.float32(1),
            ["a"] * 8,
            [[1], [2, 3]],
            "[1,2]",
            np.array([1 + 2j] * 8),
            [None] * 8,
            {"a": 1},
        )
    ),
    *(
        ({"features": features}, 10)
        for features in (
            np.full(8, 1e300),
            np.full(8, 1e-300),
            np.full(8, -1e38),
            np.arange(8),
            np.ones(8, dtype=np.float16),
            np.ones(8, dtype=bool),
            [1, 2, 3, 4, 5, 6, 7, 8],
            np.r_[1e30, np.full(7, 1e-30)],
            FEATURES[::-1][0],
        )
    ),
    *(({"features": np.ones(n)}, WrongFeatureSpace) for n in (1, 7, 9, 16_000)),
    ({"features": QueryFeatures(FOREIGN, GOOD_FEATURES)}, WrongFeatureSpace),
    ({"features": QueryFeatures(SPACE, GOOD_FEATURES)}, 10),
    *(
        ({"features": GOOD_FEATURES, "collection": name}, UnknownCollection)
        for name in (
            "nowhere",
            INJECTION,
            "a\0b",
            "\ud800",
            "x" * 100_000,
            5,
            b"default",
            ["default"],
            "😀",
        )
    ),
    *(
        ({"image_id": 1, "collection": name}, UnknownCollection)
        for name in ("", "nowhere", INJECTION, "a\0b", "\ud800", 5)
    ),
    ({"image_id": 1, "collection": "foreign"}, WrongFeatureSpace),
    ({"image_id": 1, "collection": "empty"}, 0),
    *(
        ({"image_id": image_id}, UnknownImage)
        for image_id in (
            0,
            -1,
            999_999,
            2**63 - 1,
            2**63,
            2**80,
            -(2**80),
            "1",
            1.0,
            NAN,
            INJECTION,
            [1],
        )
    ),
    ({"image_id": np.int64(1)}, 10),
    *(
        ({"image_id": 1, "k": k}, Rejected)
        for k in (0, -1, 10_001, 10**9, 10**30, None, "10", 10.0, NAN, INJECTION)
    ),
    ({"image_id": 1, "k": np.int32(3)}, 3),
    ({"image_id": 1, "k": 10_000}, N - 1),
    *(
        ({"image_id": 1, "threshold": threshold}, FilterInvalid)
        for threshold in (NAN, -1, -INF, "0.5", [1], -0.001)
    ),
    ({"image_id": 1, "threshold": INF}, 10),
    ({"image_id": 1, "threshold": 10**400}, 10),
    ({"image_id": 1, "threshold": np.float32(2)}, 10),
    ({"image_id": 1, "threshold": 0}, 0),
    *(
        ({"image_id": 1, "filter": given}, FilterInvalid)
        for given in (
            [],
            "red",
            1,
            {"n": NAN},
            {"n": INF},
            {"n": {1, 2}},
            {"n": b"a"},
            {"n": "\0"},
            {"\ud800": 1},
            {"n": "\udfff"},
            {"n": ...},
            {(1, 2): 1},
            deep,
            [("n", 1)],
        )
    ),
    ({"image_id": 1, "filter": {}}, 10),
    ({"image_id": 1, "filter": {"n": 1}}, 1),
    ({"image_id": 1, "filter": {"colour": INJECTION}}, 0),
    ({"image_id": 1, "filter": {"tags": [INJECTION]}}, 10),
    ({"image_id": 1, "filter": {"n": 10**300}}, 0),
    ({"image_id": 1, "filter": {"%(k)s": ":k"}}, 0),
    *(
        ({"image_id": 1, "predicate": given}, FilterInvalid)
        for given in (
            "",
            "$.",
            INJECTION,
            "a\0",
            "\ud800",
            5,
            b"$.n == 1",
            {"n": 1},
            '$.colour like_regex "("',
            "(" * 50_000 + "$.n == 1" + ")" * 50_000,
        )
    ),
    ({"image_id": 1, "predicate": "$.n < 5"}, 4),
    ({"image_id": 1, "predicate": "$.n < 5", "filter": {"colour": "red"}, "exact": True}, 2),
    ({"image_id": 1, "predicate": ":k == %(k)s"}, FilterInvalid),
    ({}, Rejected),
    ({"image_id": 1, "features": GOOD_FEATURES}, Rejected),
]


def shown(value: object) -> str:
    return "given" if value is deep else ascii(value)[:60]
