"""Everything on one machine: embedded servers, and the processes around them."""

__all__: list[str] = []
