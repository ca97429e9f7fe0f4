"""Webhooks: whoever wants to know is told by a signed request when jobs end.

The statement that ends jobs notes it, in its own transaction, for each webhook
that wants to know (`jobs_ended`, a trigger). A relay gathers these notes into
deliveries of many jobs each, and sends them in threads of their own: a webhook
that is slow or dead delays neither jobs nor another webhook. A delivery is
tried again for days, so it may come twice, and is never lost silently.

Receivers need `verify` alone; it loads nothing but the standard library.
"""

from __future__ import annotations

from lookalike.webhooks.signing import Message, verify

__all__ = ["Message", "verify"]
