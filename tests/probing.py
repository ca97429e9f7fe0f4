"""Asking the probes of a process, for tests."""

from __future__ import annotations

import urllib.error
import urllib.request


def ask(url: str) -> tuple[int, bytes]:
    """The status and body of an answer; (0, b"") while nobody listens."""
    request = urllib.request.Request(url, headers={"Accept": "anything"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""
