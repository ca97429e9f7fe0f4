"""Modules: from whatever source, one verified SavedModel in the cache."""

__all__: list[str] = []
