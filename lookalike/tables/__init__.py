"""The tables, in the Postgres schema `lookalike`. Nothing here executes.

collections ─< images ─< jobs            a job embeds one image, or one query image
     │            ├────< features        one row an image and feature space
     │            └────< image_tags      its labels in a feature space, where they are wanted
feature_spaces ─────────┘                features: one partition a feature space
search_indexes ─< key_axes               an index of a collection's features in one space; its keys
                                         stand in a table keys_<id> of its own
calibrations                             distances that mean near-duplicate or similar
reembeddings                             collections that change their encoder
leases ─< jobs                           a chunk that was published, or is in a worker's hands
tallies                                  how many there are of what, as changes that add up
controls                                 what is paused or limited
thumbnails                               small pictures of images, written with their features
uploads                                  bytes that came without a place to get them again
query_features                           answers for query images, kept for an hour
maps ─< map_points                       where a collection's images lie in a plane
attachments ─< attached_rows             users' tables that are followed, and their rows' images;
                                         attached_changes wait, attached_orphans are to be erased
api_keys                                 who may use the API
idempotent_requests                      what the API answered to a request that may come again
webhooks                                 who is told when jobs end: webhook_ends are to be told,
                                         webhook_deliveries are the requests that do it
workers                                  who is alive, and in which feature space
"""

from __future__ import annotations

from lookalike.tables.attaching import (
    attached_changes,
    attached_orphans,
    attached_rows,
    attachments,
)
from lookalike.tables.entering import api_keys, idempotent_requests
from lookalike.tables.jobs import (
    controls,
    jobs,
    lease_numbers,
    leases,
    query_features,
    tallies,
    workers,
)
from lookalike.tables.mapping import map_points, maps
from lookalike.tables.pictures import (
    collections,
    feature_spaces,
    features,
    image_tags,
    images,
    thumbnails,
    uploads,
)
from lookalike.tables.schema import JOBS_CHANNEL, OUTCOMES_CHANNEL, SCHEMA, SCHEMA_VERSION, metadata
from lookalike.tables.searching import calibrations, key_axes, reembeddings, search_indexes
from lookalike.tables.webhooks import webhook_deliveries, webhook_ends, webhooks

__all__ = [
    "JOBS_CHANNEL",
    "OUTCOMES_CHANNEL",
    "SCHEMA",
    "SCHEMA_VERSION",
    "api_keys",
    "attached_changes",
    "attached_orphans",
    "attached_rows",
    "attachments",
    "calibrations",
    "collections",
    "controls",
    "feature_spaces",
    "features",
    "idempotent_requests",
    "image_tags",
    "images",
    "jobs",
    "key_axes",
    "lease_numbers",
    "leases",
    "map_points",
    "maps",
    "metadata",
    "query_features",
    "reembeddings",
    "search_indexes",
    "tallies",
    "thumbnails",
    "uploads",
    "webhook_deliveries",
    "webhook_ends",
    "webhooks",
    "workers",
]
