"""Who asks over HTTP, and what was asked before.

api_keys     keys: made, listed and revoked, and known again by their hash alone
idempotency  requests that may come twice
"""

__all__: list[str] = []
