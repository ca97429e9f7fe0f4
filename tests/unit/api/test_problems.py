"""Every error has the status of its family, or one of its own."""

from __future__ import annotations

import pytest

from lookalike import errors
from lookalike.errors import LookalikeError
from lookalike_api.problems import problem_of, retry_after_s


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
        (errors.BacklogFull("x"), 429),
        (errors.StoreUnavailable("x"), 503),
        (errors.WaitedTooLong("x"), 504),
    ],
)
def test_an_error_becomes_the_problem_of_its_family(error: LookalikeError, status: int) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.title, problem.detail) == (status, error.reason, "x")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.BacklogFull("x", retry_in_s=12.3), 13),
        (errors.BacklogFull("x", retry_in_s=0), 1),
        (errors.StoreUnavailable("x"), 5),
        (errors.ImageNotFound("x"), None),
    ],
)
def test_only_what_time_cures_says_when_to_come_again(
    error: LookalikeError, seconds: int | None
) -> None:
    assert retry_after_s(error) == seconds
