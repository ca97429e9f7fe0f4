"""The demo: real photographs, edited copies of them as queries, a contact sheet of the answers."""

__all__: list[str] = []
