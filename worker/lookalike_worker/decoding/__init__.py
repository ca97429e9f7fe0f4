"""Pictures' bytes to pixels."""

__all__: list[str] = []
