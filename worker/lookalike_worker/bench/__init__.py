"""Measuring the runtimes of a machine: `lookalike encoder bench`."""

__all__: list[str] = []
