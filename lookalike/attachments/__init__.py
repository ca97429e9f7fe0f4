"""Users' tables as a source: whatever a column of theirs points to is an image of a collection.

A trigger notes which rows were written, and nothing else: it looks at no
queue, waits for nobody and refuses nothing. The relay follows: it reads those
rows as they are by then, enqueues, and erases images that no row shows any
more. So a change that was noted twice or late comes to the same.
"""

from __future__ import annotations

from lookalike.attachments.following import follow
from lookalike.attachments.operations import Attachments
from lookalike.attachments.records import Attachment, Progress

__all__ = ["Attachment", "Attachments", "Progress", "follow"]
