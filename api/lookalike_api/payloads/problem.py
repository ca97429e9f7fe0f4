"""Errors, as RFC 9457 writes them."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FieldError(BaseModel):
    """One field of a request that is not as expected."""

    field: str
    expected: str


class Problem(BaseModel):
    """An error as RFC 9457 writes it; `title` is the error's name, `detail` says what to do."""

    type: str = Field(examples=["urn:lookalike:UnknownJob"])
    title: str = Field(examples=["UnknownJob"])
    status: int = Field(examples=[404])
    detail: str
    errors: list[FieldError] | None = None
