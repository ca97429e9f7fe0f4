"""Measurements: each prints what it ran on, and one flat JSON object as its last line."""

__all__: list[str] = []
