"""Postgres: connections, transactions, errors, and what every room asks of it.

connections   engines, transactions, listeners
pooling       connections are tried before they are given out again
refusals      what Postgres says against a question, in the words of the error tree
naming        collections by their names
descriptions  metadata as JSON that Postgres takes
tallies       how many jobs, images and features there are
older         waiting for transactions that began before something changed
pairs         two calls at a time
"""

from __future__ import annotations

from lookalike.database.connections import (
    Listener,
    check_schema,
    open_engine,
    reading,
    transaction,
    translated,
)

__all__ = [
    "Listener",
    "check_schema",
    "open_engine",
    "reading",
    "transaction",
    "translated",
]
