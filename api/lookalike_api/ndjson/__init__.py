"""Images by the million: lines of JSON in, an answer for each line out, both while they come."""

from __future__ import annotations

from lookalike_api.ndjson.answering import MEDIA_TYPES, AnswerStream, answers
from lookalike_api.ndjson.portions import Answered, answer_portion

__all__ = ["MEDIA_TYPES", "AnswerStream", "Answered", "answer_portion", "answers"]
