"""Every error has the status of its family, or one of its own."""

from __future__ import annotations

import pytest

from lookalike import errors
from lookalike.errors import LookalikeError
from lookalike_api.problems import headers_of, problem_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ReferenceInvalid("x"), 400),
        (errors.Rejected("x"), 400),
        (errors.Unauthenticated("x"), 401),
        (errors.ScopeMissing("x", value="write"), 403),
        (errors.OriginForbidden("x"), 403),
        (errors.ReferenceForbidden("x"), 403),
        (errors.UnknownCollection("x"), 404),
        (errors.WrongFeatureSpace("x"), 409),
        (errors.RequestUnderWay("x"), 409),
        (errors.ImageTooLarge("x"), 413),
        (errors.ImageUnreadable("x"), 422),
        (errors.IdempotencyKeyReused("x"), 422),
        (errors.SchemaOutdated("x"), 500),
        (errors.BacklogFull("x"), 429),
        (errors.TooManyRequests("x"), 429),
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
        (errors.BacklogFull("x", retry_in_s=12.3), "13"),
        (errors.BacklogFull("x", retry_in_s=0), "1"),
        (errors.StoreUnavailable("x"), "5"),
        (errors.ImageNotFound("x"), None),
    ],
)
def test_only_what_time_cures_says_when_to_come_again(
    error: LookalikeError, seconds: str | None
) -> None:
    assert headers_of(error).get("Retry-After") == seconds


def test_who_lacks_a_key_or_a_scope_is_told_by_the_challenge_too() -> None:
    asked = headers_of(errors.Unauthenticated("x"))["WWW-Authenticate"]
    lacking = headers_of(errors.ScopeMissing("x", value="write"))["WWW-Authenticate"]
    assert asked == 'Bearer realm="lookalike"'
    assert lacking == f'{asked}, error="insufficient_scope", scope="write"'
