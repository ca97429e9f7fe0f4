"""The HTTP interface: enqueue images, follow their jobs, find the nearest ones."""

from __future__ import annotations

from lookalike_api.app import create_app, serve

__all__ = ["create_app", "serve"]
