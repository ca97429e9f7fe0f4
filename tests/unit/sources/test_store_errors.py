"""What the errors of the stores' libraries mean; S3's own are tried against a server."""

from __future__ import annotations

from enum import Enum

import pytest

from lookalike.errors import FetchFailed, ImageNotFound, LookalikeError, ReferenceForbidden
from lookalike.sources.store_errors import has_no_credentials, translated


class _AzureCode(str, Enum):  # noqa: UP042 - of a StrEnum the text is the value
    """As Azure's library has it: its text is not its value."""

    FAILED = "AuthenticationFailed"


class _AzureError(Exception):
    def __init__(self, status: int, code: str = "") -> None:
        super().__init__("the server says no\nRequestId: 1")
        self.status_code = status
        self.error_code = code


class _S3Error(PermissionError):
    """As s3fs raises it, from botocore's."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code}: the server says no")
        self.__cause__ = Exception()
        metadata = {"HTTPStatusCode": 403}
        self.__cause__.response = {"Error": {"Code": code}, "ResponseMetadata": metadata}  # type: ignore[attr-defined]


class _GoogleError(Exception):
    def __init__(self, code: object) -> None:
        super().__init__(f"no, {code}")
        self.code = code


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError("gs://photos/a.jpg"), ImageNotFound),
        (_AzureError(404), ImageNotFound),
        (PermissionError("Access Denied"), ReferenceForbidden),
        (_AzureError(403), ReferenceForbidden),
        (_AzureError(403, "AuthenticationFailed"), FetchFailed),
        (_AzureError(403, _AzureCode.FAILED), FetchFailed),
        (_GoogleError(401), FetchFailed),
        (_S3Error("AccessDenied"), ReferenceForbidden),
        (_S3Error("ExpiredToken"), FetchFailed),
        (_S3Error("RequestTimeTooSkewed"), FetchFailed),
        (_GoogleError("403"), ReferenceForbidden),
        (OSError("Forbidden: photos/a.jpg\nno storage.objects.get"), ReferenceForbidden),
        (_AzureError(503), FetchFailed),
        (_GoogleError(None), FetchFailed),
        (_GoogleError("expired"), FetchFailed),
        (TimeoutError(), FetchFailed),
        (OSError("Connection reset"), FetchFailed),
    ],
    ids=repr,
)
def test_an_error_says_who_has_to_act(error: Exception, expected: type[LookalikeError]) -> None:
    found = translated(error, "gs://photos/a.jpg")
    assert type(found) is expected
    assert "gs://photos/a.jpg" in str(found)
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    ("error", "store", "expected"),
    [
        (type("NoCredentialsError", (Exception,), {})(), "s3", True),
        (_GoogleError(401), "gs", True),
        (_GoogleError(403), "gs", False),
        (_AzureError(401), "az", False),
        (OSError("Connection reset"), "s3", False),
    ],
    ids=repr,
)
def test_who_asks_without_credentials_is_told_from_who_may_not(
    error: Exception, store: str, expected: bool
) -> None:
    assert has_no_credentials(error, store) == expected
