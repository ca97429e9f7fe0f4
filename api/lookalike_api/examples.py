"""An example for each request and each answer, by the operation's id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_AT = "2026-11-28T12:00:00Z"
_SPACE = "nasnet_large@0123456789ab"
_URL = "https://images.example/shoe.jpg"
_OTHER_URL = "https://images.example/boot.jpg"


@dataclass(frozen=True, slots=True)
class Example:
    """A JSON body that may be sent, a form's fields, and what is answered."""

    answer: Any
    request: Any = None
    form: dict[str, Any] = field(default_factory=dict)


_JOB = {
    "id": 1,
    "collection": "shoes",
    "image_id": 17,
    "reference": _URL,
    "status": "done",
    "attempts": 1,
    "error": None,
    "message": None,
    "created_at": _AT,
    "finished_at": _AT,
}
_JOBS = {"jobs": [_JOB], "n_open": 0}
_COLLECTION = {
    "name": "shoes",
    "n_images": 1200,
    "n_embedded": 1180,
    "encoder": "nasnet_large",
    "space": _SPACE,
    "is_trained": True,
    "created_at": _AT,
    "paused": None,
    "max_open": None,
}
_RECEIPT = {"n_images": 1, "n_features": 1, "n_jobs": 1, "n_uploads": 0}
_STORY = {
    "image_id": 17,
    "reference": _URL,
    "metadata": {"colour": "red"},
    "collection": "shoes",
    "key": "ab" * 32,
    "space": _SPACE,
    "job_id": 1,
    "status": "done",
    "attempts": 1,
    "error": None,
    "message": None,
    "worker": "host-1-4711",
    "created_at": _AT,
    "available_at": _AT,
    "leased_at": _AT,
    "claimed_at": _AT,
    "finished_at": _AT,
    "lease_until": None,
    "fetched_ms": 31,
    "decoded_ms": 48,
    "batched_ms": 60,
    "encoded_ms": 410,
    "tags": [{"label": "running shoe", "probability": 0.91}],
}
_FAILURE = {
    "job_id": 2,
    "image_id": 18,
    "collection": "shoes",
    "reference": _OTHER_URL,
    "reason": "ImageNotFound",
    "detail": "the host answered 404",
    "attempts": 1,
    "worker": "host-1-4711",
    "created_at": _AT,
    "finished_at": _AT,
    "can_retry": True,
}
_LANE = {
    "lane": "bulk",
    "queued": 20,
    "leased": 0,
    "retry": 0,
    "done": 1180,
    "failed": 0,
    "n_open": 20,
    "per_s": 3.5,
    "eta_s": 5.7,
    "oldest_wait_s": 4.2,
    "is_paused": False,
}
_STATUS = {
    "at": _AT,
    "n_images": 1200,
    "n_open": 20,
    "per_s": 3.5,
    "eta_s": 5.7,
    "oldest_wait_s": 4.2,
    "paused": None,
    "max_open": None,
    "is_full": False,
    "collections": [
        {
            "name": "shoes",
            "space": _SPACE,
            "other_space": None,
            "is_trained": True,
            "n_images": 1200,
            "n_open": 20,
            "max_open": None,
            "is_full": False,
            "paused": None,
            "jobs": {"queued": 20, "done": 1180},
            "lanes": [_LANE],
        }
    ],
    "workers": [
        {
            "id": "host-1-4711",
            "space_id": 1,
            "space": _SPACE,
            "description": "nasnet_large by openvino",
            "batch_size": 16,
            "n_held": 16,
            "n_done": 1180,
            "started_at": _AT,
            "last_seen": _AT,
            "last_progress": _AT,
            "images_per_s": 3.5,
        }
    ],
    "webhooks": {"n_webhooks": 1, "n_disabled": 0, "n_ends": 3, "n_pending": 2, "n_dead": 0},
}
_WEBHOOK = {
    "id": 1,
    "url": "https://shop.example/lookalike",
    "collection": "shoes",
    "events": ["done", "failed"],
    "every_s": 5.0,
    "created_at": _AT,
    "n_delivered": 12,
    "delivered_at": _AT,
    "n_failures": 0,
    "failed_at": None,
    "error": None,
    "disabled_at": None,
    "disabled_why": None,
    "n_pending": 0,
    "n_dead": 0,
}
_MAP = {
    "collection": "shoes",
    "space": _SPACE,
    "requested_at": None,
    "error": None,
    "made_at": _AT,
    "n_points": 1180,
    "n_images": 1204,
    "n_added": 24,
}
_SELECTION = {"collection": "shoes", "reason": "FetchFailed", "job_ids": [2, 3]}

EXAMPLES: dict[str, Example] = {
    "add_image": Example(
        {"image_id": 17, "job_id": 1, "is_new": True},
        request={"reference": _URL, "collection": "shoes", "metadata": {"sku": 7}},
        form={"collection": "shoes", "metadata": '{"sku": 7}'},
    ),
    "add_images": Example(
        '{"line":1,"image_id":17,"job_id":1,"is_new":true}\n'
        '{"line":2,"image_id":18,"job_id":2,"is_new":true}\n',
        request=f'{{"reference": "{_URL}", "metadata": {{"sku": 7}}}}\n'
        f'{{"reference": "{_OTHER_URL}"}}\n',
    ),
    "list_images": Example(
        {
            "images": [
                {
                    "image_id": 17,
                    "reference": _URL,
                    "metadata": {"sku": 7},
                    "created_at": _AT,
                    "job_id": 1,
                    "is_embedded": True,
                }
            ],
            "next_after": None,
        }
    ),
    "read_image": Example(_STORY),
    "read_thumbnail": Example("the bytes of a JPEG"),
    "erase_image": Example(_RECEIPT),
    "read_duplicates": Example(
        {
            "duplicates": [
                {
                    "image_id": 18,
                    "reference": _OTHER_URL,
                    "tier": "identical",
                    "distance": 0.0,
                    "metadata": {},
                }
            ],
            "is_calibrated": False,
        }
    ),
    "read_duplicate_pairs": Example(
        {
            "pairs": [
                {
                    "image_id": 17,
                    "reference": _URL,
                    "other_id": 18,
                    "other_reference": _OTHER_URL,
                    "distance": 0.0,
                }
            ],
            "next_after": None,
        }
    ),
    "read_jobs": Example(_JOBS),
    "wait_for_jobs": Example(_JOBS),
    "follow_jobs": Example({"event": "end", "data": '{"n_jobs": 1, "purged": []}'}),
    "read_job": Example(_JOB),
    "search": Example(
        {
            "neighbours": [
                {"image_id": 18, "reference": _OTHER_URL, "distance": 0.18, "metadata": {"sku": 8}}
            ],
            "n_missing": 0,
            "explanation": None,
        },
        request={
            "image_id": 17,
            "k": 1,
            "filter": {"colour": "red"},
            "predicate": "$.price < 20",
            "threshold": 0.5,
        },
        form={"collection": "shoes", "k": 10, "filter": '{"colour": "red"}'},
    ),
    "list_collections": Example({"collections": [_COLLECTION]}),
    "read_collection": Example(_COLLECTION),
    "configure_collection": Example(_COLLECTION, request={"paused": "bulk", "max_open": 100_000}),
    "erase_collection": Example(_RECEIPT),
    "read_map": Example(_MAP),
    "request_map": Example({**_MAP, "requested_at": _AT}),
    "read_map_points": Example(
        {"image_ids": [17, 18], "xs": [0.25174, 0.83091], "ys": [0.61238, 0.0]}
    ),
    "list_failures": Example(
        {"failures": [_FAILURE], "reasons": {"ImageNotFound": 1}, "next_after": None}
    ),
    "retry_failures": Example({"n_retried": 2}, request=_SELECTION),
    "discard_failures": Example({"n_discarded": 2}, request=_SELECTION),
    "list_encoders": Example(
        {
            "encoders": [
                {
                    "encoder": "nasnet_large",
                    "space": _SPACE,
                    "digest": "0123456789ab" + "0" * 52,
                    "dimensions": 4032,
                    "is_trained": True,
                    "n_workers": 1,
                    "collections": ["shoes"],
                }
            ]
        }
    ),
    "list_webhooks": Example({"webhooks": [_WEBHOOK]}),
    "add_webhook": Example(
        {"webhook": _WEBHOOK, "secret": "whsec_…"},
        request={"url": "https://shop.example/lookalike", "collection": "shoes"},
    ),
    "remove_webhook": Example(_WEBHOOK),
    "retry_webhook": Example({"n_retried": 2}),
    "read_status": Example(_STATUS),
    "healthz": Example({"alive": True}),
    "readyz": Example({"ready": True, "n_workers": 1}),
}
