"""Of what operators look after."""

from __future__ import annotations

from lookalike_api.examples.example import AT, OTHER_URL, RECEIPT, SPACE, Example

_COLLECTION = {
    "name": "shoes",
    "n_images": 1200,
    "n_embedded": 1180,
    "encoder": "nasnet_large",
    "space": SPACE,
    "is_trained": True,
    "created_at": AT,
    "paused": None,
    "max_open": None,
}
_FAILURE = {
    "job_id": 2,
    "image_id": 18,
    "collection": "shoes",
    "reference": OTHER_URL,
    "reason": "ImageNotFound",
    "detail": "the host answered 404",
    "attempts": 1,
    "worker": "host-1-4711",
    "created_at": AT,
    "finished_at": AT,
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
    "at": AT,
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
            "space": SPACE,
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
            "space": SPACE,
            "description": "nasnet_large by openvino",
            "batch_size": 16,
            "n_held": 16,
            "n_done": 1180,
            "started_at": AT,
            "last_seen": AT,
            "last_progress": AT,
            "images_per_s": 3.5,
        }
    ],
    "webhooks": {"n_webhooks": 1, "n_disabled": 0, "n_ends": 3, "n_pending": 2, "n_dead": 0},
}
_MAP = {
    "collection": "shoes",
    "space": SPACE,
    "requested_at": None,
    "error": None,
    "made_at": AT,
    "n_points": 1180,
    "n_images": 1204,
    "n_added": 24,
}
_SELECTION = {"collection": "shoes", "reason": "FetchFailed", "job_ids": [2, 3]}

OPERATING: dict[str, Example] = {
    "list_collections": Example({"collections": [_COLLECTION]}),
    "read_collection": Example(_COLLECTION),
    "configure_collection": Example(_COLLECTION, request={"paused": "bulk", "max_open": 100_000}),
    "erase_collection": Example(RECEIPT),
    "read_map": Example(_MAP),
    "request_map": Example({**_MAP, "requested_at": AT}),
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
                    "space": SPACE,
                    "digest": "0123456789ab" + "0" * 52,
                    "dimensions": 4032,
                    "is_trained": True,
                    "n_workers": 1,
                    "collections": ["shoes"],
                }
            ]
        }
    ),
    "read_status": Example(_STATUS),
    "healthz": Example({"alive": True}),
    "readyz": Example({"ready": True, "n_workers": 1}),
}
