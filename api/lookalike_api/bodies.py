"""Request bodies: JSON or an upload on the same path, read in chunks and never beyond a limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from lookalike.errors import ImageTooLarge

JSON, MULTIPART = "application/json", "multipart/form-data"

# What a multipart body may hold beside the file: metadata and the parts' headers.
_BESIDE_FILE_BYTES = 256_000
_MAX_NAME = 255

J = TypeVar("J", bound=BaseModel)
F = TypeVar("F", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Picture:
    """An uploaded file's bytes; its name is only a label and never becomes a path."""

    data: bytes
    name: str


async def read_body(
    request: Request, json_type: type[J], form_type: type[F], *, max_bytes: int
) -> J | tuple[F, Picture]:
    """The body by its content type: JSON, or the fields beside a file of at most `max_bytes`.

    Raises ImageTooLarge as soon as the limit is passed, RequestValidationError
    for wrong fields, and HTTPException 413 or 415.
    """
    content_type = content_type_of(request)
    if content_type == JSON:
        return await _validated(request, json_type)
    if content_type == MULTIPART:
        form = await _read_form(request, max_bytes)
        try:
            return await _file_and_fields(form, form_type, max_bytes)
        finally:
            await form.close()
    raise HTTPException(
        415, f"found the content type {content_type!r}; expected {JSON} or {MULTIPART}"
    )


async def read_json(request: Request, json_type: type[J]) -> J:
    """A JSON body; raises as `read_body` does."""
    content_type = content_type_of(request)
    if content_type != JSON:
        raise HTTPException(415, f"found the content type {content_type!r}; expected {JSON}")
    return await _validated(request, json_type)


def content_type_of(request: Request) -> str:
    """The body's content type, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def described(
    json_type: type[BaseModel], form_type: type[BaseModel] | None = None
) -> dict[str, Any]:
    """The OpenAPI description of a body that `read_json` or `read_body` reads."""
    content = {JSON: {"schema": reference_to(json_type)}}
    if form_type is not None:
        form = form_type.model_json_schema()
        form["properties"] = {"file": {"type": "string", "format": "binary"}, **form["properties"]}
        form["required"] = ["file", *form.get("required", [])]
        content[MULTIPART] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}


def reference_to(model: type[BaseModel]) -> dict[str, Any]:
    """Where the OpenAPI document has a payload."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


async def _validated(request: Request, json_type: type[J]) -> J:
    body = await request.body()
    with refusing("body"):
        return json_type.model_validate_json(body, strict=True)


async def _read_form(request: Request, max_bytes: int) -> FormData:
    stream = _bounded(request, max_bytes + _BESIDE_FILE_BYTES, max_bytes)
    try:
        return await MultiPartParser(request.headers, stream, max_files=1, max_fields=8).parse()
    except MultiPartException as error:
        raise HTTPException(400, f"the multipart body is malformed: {error.message}") from error


async def _bounded(request: Request, limit: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(max_bytes)
    n_bytes = 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes > limit:
            raise _too_large(max_bytes)
        yield chunk


async def _file_and_fields(form: FormData, form_type: type[F], max_bytes: int) -> tuple[F, Picture]:
    fields = dict(form)
    file = fields.pop("file", None)
    if not isinstance(file, UploadFile):
        raise RequestValidationError(
            [{"loc": ("body", "file"), "msg": "expected a file, as multipart uploads one"}]
        )
    if (file.size or 0) > max_bytes:
        raise _too_large(max_bytes)
    # jsonb holds neither NUL nor a lone surrogate, which an odd charset can smuggle in.
    name = (file.filename or "").replace("\0", "")[:_MAX_NAME]
    name = name.encode("utf-8", "replace").decode()
    with refusing("body"):
        validated = form_type.model_validate(fields)
    return validated, Picture(await file.read(), name)


@contextmanager
def refusing(*place: str) -> Iterator[None]:
    """Turn pydantic's errors into those of the request, which name the place."""
    try:
        yield
    except ValidationError as error:
        found = [
            {"loc": (*place, *e["loc"]), "msg": e["msg"].removeprefix("Value error, ")}
            for e in error.errors()
        ]
        raise RequestValidationError(found) from error


def _too_large(max_bytes: int) -> ImageTooLarge:
    return ImageTooLarge(
        f"the upload is too large; expected at most {max_bytes:,} bytes: make the image "
        "smaller, or raise LOOKALIKE_MAX_BYTES",
        value=max_bytes,
    )
