"""What all tables share: the schema, its version, how constraints are named, the channels."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, text

SCHEMA = "lookalike"
SCHEMA_VERSION = "0006"
"""The newest migration; another version in the database means `lookalike migrate`."""

JOBS_CHANNEL = "lookalike_jobs"
"""Notified when jobs become ready, or room for them does; the relay listens."""

OUTCOMES_CHANNEL = "lookalike_outcomes"
"""Notified when outcomes were committed; whoever waits for a job listens."""

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    },
)

NOW = text("now()")


def when(name: str, *, default: bool = False) -> Column[object]:
    return Column(
        name,
        DateTime(timezone=True),
        nullable=not default,
        server_default=NOW if default else None,
    )
