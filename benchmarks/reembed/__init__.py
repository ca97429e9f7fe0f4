"""A change of encoder under a running query load, with every answer checked."""

__all__: list[str] = []
