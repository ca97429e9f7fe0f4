"""Of images, jobs and searches."""

from __future__ import annotations

from lookalike_api.examples.example import AT, OTHER_URL, RECEIPT, SPACE, URL, Example

_JOB = {
    "id": 1,
    "collection": "shoes",
    "image_id": 17,
    "reference": URL,
    "status": "done",
    "attempts": 1,
    "error": None,
    "message": None,
    "created_at": AT,
    "finished_at": AT,
}
_JOBS = {"jobs": [_JOB], "n_open": 0}
_STORY = {
    "image_id": 17,
    "reference": URL,
    "metadata": {"colour": "red"},
    "collection": "shoes",
    "key": "ab" * 32,
    "space": SPACE,
    "job_id": 1,
    "status": "done",
    "attempts": 1,
    "error": None,
    "message": None,
    "worker": "host-1-4711",
    "created_at": AT,
    "available_at": AT,
    "leased_at": AT,
    "claimed_at": AT,
    "finished_at": AT,
    "lease_until": None,
    "fetched_ms": 31,
    "decoded_ms": 48,
    "batched_ms": 60,
    "encoded_ms": 410,
    "tags": [{"label": "running shoe", "probability": 0.91}],
}

IMAGES: dict[str, Example] = {
    "add_image": Example(
        {"image_id": 17, "job_id": 1, "is_new": True},
        request={"reference": URL, "collection": "shoes", "metadata": {"sku": 7}},
        form={"collection": "shoes", "metadata": '{"sku": 7}'},
    ),
    "add_images": Example(
        '{"line":1,"image_id":17,"job_id":1,"is_new":true}\n'
        '{"line":2,"image_id":18,"job_id":2,"is_new":true}\n',
        request=f'{{"reference": "{URL}", "metadata": {{"sku": 7}}}}\n'
        f'{{"reference": "{OTHER_URL}"}}\n',
    ),
    "list_images": Example(
        {
            "images": [
                {
                    "image_id": 17,
                    "reference": URL,
                    "metadata": {"sku": 7},
                    "created_at": AT,
                    "job_id": 1,
                    "is_embedded": True,
                }
            ],
            "next_after": None,
        }
    ),
    "read_image": Example(_STORY),
    "read_thumbnail": Example("the bytes of a JPEG"),
    "erase_image": Example(RECEIPT),
    "read_duplicates": Example(
        {
            "duplicates": [
                {
                    "image_id": 18,
                    "reference": OTHER_URL,
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
                    "reference": URL,
                    "other_id": 18,
                    "other_reference": OTHER_URL,
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
                {"image_id": 18, "reference": OTHER_URL, "distance": 0.18, "metadata": {"sku": 8}}
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
}
