"""The page over HTTP: its files, with headers that let nothing else in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response

from lookalike_api.etags import is_known
from lookalike_api.page.files import INDEX, page_files

# Nothing from elsewhere, no inline script or style, and no text becomes markup. Thumbnails and
# query pictures are blobs: a picture's element could not bring the API key.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_HEADERS = {
    # Kept by the browser, and asked for by its ETag each time: an upgrade shows at once.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False)

IfNoneMatch = Annotated[str | None, Header()]


@router.api_route("/", methods=["GET", "HEAD"])
async def read_page(if_none_match: IfNoneMatch = None) -> Response:
    """The page itself; what it shows stands in its query."""
    return _answer(INDEX, if_none_match)


@router.api_route("/page/{path:path}", methods=["GET", "HEAD"])
async def read_page_file(path: str, if_none_match: IfNoneMatch = None) -> Response:
    """One of the files that the page is made of."""
    return _answer(path, if_none_match)


def _answer(path: str, if_none_match: str | None) -> Response:
    file = page_files().get(path)
    if file is None:
        raise HTTPException(404, f"the page has no file {path!r:.200}")
    headers = {**_HEADERS, "ETag": file.etag}
    if is_known(file.etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
