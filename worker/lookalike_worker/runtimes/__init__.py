"""Runtimes: what computes a module's features on this machine."""

__all__: list[str] = []
