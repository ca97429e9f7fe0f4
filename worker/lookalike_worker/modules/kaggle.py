"""Models of Kaggle: their handles, and where their archives are.

Public models need no login (the public API of kaggle.com answers with a redirect to a .tar.gz).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from lookalike.environment import environment
from lookalike.errors import InvalidSetting
from lookalike_worker.modules.entries import slug

_PREFIX = "kaggle:"
_HOSTS = ("www.kaggle.com", "kaggle.com")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

NEXT_STEP = (
    "check the handle on kaggle.com/models and the network; for a model that is not public or "
    "wants its licence accepted, accept it there and set KAGGLE_USERNAME and KAGGLE_KEY"
)


@dataclass(frozen=True, slots=True)
class KaggleModel:
    """One version of one variation of a model."""

    owner: str
    model: str
    framework: str
    variation: str
    version: str

    @property
    def handle(self) -> str:
        """As the record remembers it: `kaggle:owner/model/framework/variation/version`."""
        return f"{_PREFIX}{self._path}"

    @property
    def address(self) -> str:
        """Where the archive is; KAGGLE_API_ENDPOINT names another host, as for Kaggle's tools."""
        host = environment().get("KAGGLE_API_ENDPOINT") or "https://www.kaggle.com"
        return f"{host.rstrip('/')}/api/v1/models/{self._path}/download"

    @property
    def name(self) -> str:
        """What the encoder is called: `nasnet_large` of nasnet and large-feature-vector."""
        variation = re.sub(r"-?(feature-vector|classification)", "", self.variation.lower())
        return slug("_".join(part for part in (self.model, variation) if part).replace("-", "_"))

    @property
    def _path(self) -> str:
        return "/".join((self.owner, self.model, self.framework, self.variation, self.version))


def is_kaggle(text: str) -> bool:
    """Whether a text is meant as a Kaggle handle or as the address of a model's page."""
    if text.startswith(_PREFIX):
        return True
    parts = urlsplit(text)
    return parts.hostname in _HOSTS and parts.path.startswith("/models/")


def parse_kaggle(text: str) -> KaggleModel:
    """Read `kaggle:owner/model/framework/variation/version` or a page's address.

    Raises InvalidSetting where a part is missing.
    """
    path = text.removeprefix(_PREFIX) if text.startswith(_PREFIX) else _page_path(text)
    parts = [part for part in path.split("/") if part]
    if (
        len(parts) != 5
        or not all(_PART.fullmatch(part) for part in parts)
        or not (parts[4].isdigit())
    ):
        raise InvalidSetting(
            f"{text!r} names {len(parts)} parts of a Kaggle model; expected "
            "kaggle:owner/model/framework/variation/version, as in "
            "kaggle:google/nasnet/tensorFlow2/large-feature-vector/4: its page on "
            "kaggle.com/models shows them",
            value=text,
        )
    return KaggleModel(*parts)


def login() -> tuple[str, str] | None:
    """KAGGLE_USERNAME and KAGGLE_KEY where both are set."""
    variables = environment()
    user, key = variables.get("KAGGLE_USERNAME"), variables.get("KAGGLE_KEY")
    return (user, key) if user and key else None


def _page_path(address: str) -> str:
    """`/models/owner/model/frameworks/x/variations/y/versions/z`, or the same without the words."""
    words = ("models", "frameworks", "variations", "versions")
    parts = urlsplit(address).path.split("/")
    return "/".join(part for part in parts if part not in words)
