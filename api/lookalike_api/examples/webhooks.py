"""Of webhooks."""

from __future__ import annotations

from lookalike_api.examples.example import AT, Example

_WEBHOOK = {
    "id": 1,
    "url": "https://shop.example/lookalike",
    "collection": "shoes",
    "events": ["done", "failed"],
    "every_s": 5.0,
    "created_at": AT,
    "n_delivered": 12,
    "delivered_at": AT,
    "n_failures": 0,
    "failed_at": None,
    "error": None,
    "disabled_at": None,
    "disabled_why": None,
    "n_pending": 0,
    "n_dead": 0,
}
_DELIVERY = {
    "id": 9,
    "webhook_id": 1,
    "message_id": "msg_" + "0123456789abcdef" * 2,
    "n_jobs": 200,
    "created_at": AT,
    "attempts": 2,
    "error": "HTTP 503",
    "died_at": None,
    "next_at": AT,
}

WEBHOOKS: dict[str, Example] = {
    "list_webhooks": Example({"webhooks": [_WEBHOOK]}),
    "add_webhook": Example(
        {"webhook": _WEBHOOK, "secret": "whsec_…"},
        request={"url": "https://shop.example/lookalike", "collection": "shoes"},
    ),
    "read_webhook": Example(_WEBHOOK),
    "list_deliveries": Example({"deliveries": [_DELIVERY], "next_after": None}),
    "remove_webhook": Example(_WEBHOOK),
    "test_webhook": Example({"is_taken": False, "status": 403, "error": "HTTP 403"}),
    "rotate_webhook": Example({"webhook": _WEBHOOK, "secret": "whsec_…"}),
    "enable_webhook": Example(_WEBHOOK),
    "retry_webhook": Example({"n_retried": 2}),
}
