"""Every error has the status of its family, or one of its own."""

from __future__ import annotations

import pytest

from lookalike import errors
from lookalike.errors import LookalikeError
from lookalike_api.problems import problem_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ReferenceInvalid("x"), 400),
        (errors.Rejected("x"), 400),
        (errors.ReferenceForbidden("x"), 403),
        (errors.UnknownCollection("x"), 404),
        (errors.WrongFeatureSpace("x"), 409),
        (errors.ImageTooLarge("x"), 413),
        (errors.ImageUnreadable("x"), 422),
        (errors.SchemaOutdated("x"), 500),
        (errors.StoreUnavailable("x"), 503),
        (errors.WaitedTooLong("x"), 504),
    ],
)
def test_an_error_becomes_the_problem_of_its_family(error: LookalikeError, status: int) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.title, problem.detail) == (status, error.reason, "x")
