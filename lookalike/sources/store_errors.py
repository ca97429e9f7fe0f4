"""The errors of the stores' libraries, as those of the tree."""

from __future__ import annotations

from lookalike.errors import FetchFailed, ImageNotFound, LookalikeError, ReferenceForbidden

# Of S3 and Azure, beside a status that says "forbidden": whoever asks is not known, or no longer.
# The object may be read all the same, by a worker whose credentials and clock are right.
_BAD_CREDENTIALS = frozenset(
    {
        "AuthenticationFailed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)


def translated(error: Exception, what: str) -> LookalikeError:
    """The error of the tree that a library's own means."""
    status = status_of(error)
    if isinstance(error, FileNotFoundError) or status == 404:
        return ImageNotFound(
            f"found nothing at {what}; expected an object: check the bucket and the key", value=what
        )
    is_refused = isinstance(error, PermissionError) or status == 403
    is_refused = is_refused or told(error).startswith("Forbidden")  # gcsfs has no type for it
    if is_refused and status != 401 and _code(error) not in _BAD_CREDENTIALS:
        return ReferenceForbidden(
            f"found that {what} may not be read with the credentials of this process "
            f"({told(error)}); expected a role that may: grant it, or give a signed https:// URL",
            value=what,
        )
    return FetchFailed(
        f"{what} was not delivered ({told(error)}): is the store up, and are its credentials and "
        "its region set in the environment of this process?",
        value=what,
    )


def has_no_credentials(error: Exception, store: str) -> bool:
    """Whether a library had nobody to ask as: it found no credentials when it looked for some.

    Azure's looks for them each time anew.
    """
    is_anonymous = store == "gs" and status_of(error) == 401
    return is_anonymous or type(error).__name__ == "NoCredentialsError"  # botocore's


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error, in whichever way its library tells it."""
    for one in (error, error.__cause__):
        for status in (
            _botocores(one, "ResponseMetadata").get("HTTPStatusCode"),
            getattr(one, "status_code", None),  # Azure
            getattr(one, "code", None),  # Google
        ):
            if str(status).isdecimal():
                return int(str(status))
    return None


def _code(error: BaseException) -> str:
    """The store's own name for an error, where it gives one."""
    for one in (error, error.__cause__):
        if code := _botocores(one, "Error").get("Code") or getattr(one, "error_code", None):
            return str(getattr(code, "value", code))  # Azure's is of an enumeration
    return ""


def _botocores(error: BaseException | None, part: str) -> dict[str, object]:
    """A part of the answer that botocore, behind s3fs's own errors, keeps with its error."""
    answer = getattr(error, "response", None)
    return answer.get(part, {}) if isinstance(answer, dict) else {}


def told(error: BaseException) -> str:
    """The first line of what a library says."""
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200]
