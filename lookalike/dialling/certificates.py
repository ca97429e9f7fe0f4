"""Whose certificates are trusted: the public authorities', whatever the environment says."""

from __future__ import annotations

import ssl

import certifi


def public_authorities() -> ssl.SSLContext:
    """A context that knows the public authorities, and no `SSL_CERT_FILE` of the environment."""
    return ssl.create_default_context(cafile=certifi.where())
