"""Every option, its default and its parsing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lookalike.environment import environment
from lookalike.errors import InvalidSetting

__all__ = ["PREFIX", "Settings", "environment"]

PREFIX = "LOOKALIKE_"


def _home() -> Path:
    # An embedded Postgres refuses root, and other accounts cannot enter root's home.
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/lookalike")
    return platformdirs.user_data_path("lookalike")


def _listed(value: object) -> object:
    """Split a list as the environment writes it, by commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _checked_rate(value: str) -> str:
    if not re.fullmatch(r"none|[1-9][0-9]{0,8}/(second|minute|hour|day)", value):
        raise ValueError("expected none, or a number, a slash and second, minute, hour or day")
    return value


RuntimeName = Literal["auto", "openvino", "tensorflow", "tensorflow-frozen", "jax"]
Precision = Literal["auto", "bf16", "fp32"]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_listed)]
AskForKeys = Literal["required", "off", "off-for-everyone"]
Rate = Annotated[str, AfterValidator(_checked_rate)]


class Settings(BaseModel):
    """All options with their defaults; `LOOKALIKE_` and the upper-cased name sets one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str = Field("", description="Postgres with pgvector, `postgresql://…`")
    redis_url: str = Field(
        "",
        description="Redis or Valkey, `redis://…`; TLS and Sentinel: docs/scaling.md",
    )
    home: Path = Field(
        default_factory=_home,
        description="data of embedded servers, cached encoders; default: the user's data folder",
    )

    encoder: str = Field(
        "nasnet_large",
        description="`nasnet_large`, `efficientnet_lite0`, `auto` or a source: docs/encoders.md",
    )
    untrained: bool = Field(False, description="seeded random weights, to try the graph's speed")
    runtime: RuntimeName = Field(
        "auto", description="`openvino`, `tensorflow`, `tensorflow-frozen`, `jax`; `auto`: the best"
    )
    precision: Precision = Field(
        "auto", description="`bf16` or `fp32`; `auto`: bf16 where the hardware multiplies it"
    )
    threads: int = Field(
        0, ge=0, le=1024, description="of one worker's encoder; 0: one for each usable core"
    )
    batch_size: int = Field(
        0, ge=0, le=1024, description="images in one call of the encoder; 0: measured once"
    )
    tags: int = Field(
        0, ge=0, le=100, description="labels kept for each image; 0: none; docs/encoders.md"
    )
    tag_probability: float = Field(
        0.1, ge=0, le=1, description="labels that are less likely are not kept"
    )
    fetch_threads: int = Field(8, ge=1, le=256, description="fetches at a time")
    decoders: int = Field(
        0, ge=0, le=256, description="processes that decode; 0: one for each usable core"
    )
    decode_timeout_s: float = Field(
        20, gt=0, description="computing to decode one image; whatever takes more is refused"
    )
    thumbnail_px: int = Field(
        256, ge=0, le=512, description="longest side of the thumbnails that are kept; 0: none"
    )
    n_slots: int = Field(8, ge=2, le=256, description="bulk chunks that one worker holds at a time")

    shutdown_s: float = Field(
        30, ge=0, description="a worker that is told to end finishes what it can in this time"
    )

    chunk_size: int = Field(
        0, ge=0, le=64, description="images in one task; 0: what a worker's batch holds, 8 at least"
    )
    window_chunks: int = Field(
        4, ge=1, le=1024, description="published chunks waiting for each live worker"
    )
    lease_s: float = Field(60, ge=0.5, description="until a silent worker's jobs are sent again")
    max_attempts: int = Field(5, ge=1, le=100, description="tries before a job fails for good")
    backoff_s: float = Field(2, gt=0, description="wait before the first retry; doubles each time")
    keep_jobs_s: float = Field(
        604_800, ge=0, description="jobs that were done so long ago are forgotten; 0: never"
    )
    max_backoff_s: float = Field(300, gt=0, description="longest wait before a retry")

    connect_timeout_s: float = Field(5, gt=0, description="to connect to an image's host")
    fetch_timeout_s: float = Field(15, gt=0, description="for one whole fetch")
    max_bytes: int = Field(20_000_000, ge=1, description="largest image file")
    max_pixels: int = Field(50_000_000, ge=1, description="largest image, width times height")
    file_roots: Paths = Field((), description="folders that `file:` references may point into")
    allow_hosts: Names = Field((), description="private hosts that URLs may name")
    buckets: Names = Field(
        (), description="buckets that may be read, `s3://photos,gs://shop/new`; docs/security.md"
    )

    api_host: str = Field("127.0.0.1", description="address that the API listens on")
    api_port: int = Field(8000, ge=0, le=65535, description="port that the API listens on")
    api_keys: AskForKeys = Field(
        "required",
        description="`required`; `off`, the default of `lookalike up`, on loopback alone; "
        "`off-for-everyone`: docs/http.md",
    )
    api_rate: Rate = Field(
        "6000/minute", description="requests of one key, without keys of one address; or `none`"
    )
    # 300 a minute, a burst of which a worker on a processor needs minutes for.
    api_embedding_cost: int = Field(
        20, ge=1, description="requests that a search counts as where a worker embeds its picture"
    )
    cors_origins: Names = Field(
        (), description="sites whose pages may use the API, `https://shop.example`"
    )
    query_timeout_s: float = Field(30, gt=0, description="wait for a query image's features")

    # An exact search of so many takes 9 ms, seven times an index's; of fewer, too little to save.
    index_rows: int = Field(
        5000, ge=0, description="collections of so many images get a search index; 0: by hand only"
    )
    recall_s: float = Field(
        86_400, gt=0, description="an index's recall is measured again after so long"
    )

    metrics_host: str = Field(
        "127.0.0.1", description="address of a worker's or relay's /metrics and /readyz"
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port of these, one for each process; 0: none"
    )
    stuck_s: float = Field(
        300, gt=0, description="a worker that should and does not get on for so long exits"
    )
    traces: bool = Field(
        False, description="send spans by OTLP, as the `OTEL_…` variables say; docs/observing.md"
    )

    @classmethod
    def load(cls, mapping: Mapping[str, str] | None = None) -> Self:
        """Read the `LOOKALIKE_…` variables of a mapping, by default the environment.

        Raises InvalidSetting naming the variable, the value and what was expected.
        """
        source = environment() if mapping is None else mapping
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in source.items()
            if name.startswith(PREFIX) and value != ""
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _invalid(error) from error

    def environment(self) -> dict[str, str]:
        """The variables that make another process read these same settings."""
        return {
            PREFIX + name.upper(): ",".join(map(str, value))
            if isinstance(value, tuple)
            else str(value)
            for name, value in self
            if value != ()
        }

    def require_database(self) -> str:
        """The database's URL; raises InvalidSetting where none is set."""
        if not self.database_url:
            raise InvalidSetting(
                "LOOKALIKE_DATABASE_URL is not set and no `lookalike up` runs in "
                f"{self.home}: set it to postgresql://user:password@host/database, "
                "or start `lookalike up`"
            )
        return self.database_url

    @property
    def is_api_on_loopback(self) -> bool:
        """Whether the API listens to this machine alone."""
        if self.api_host == "localhost":
            return True
        try:
            return ip_address(self.api_host).is_loopback
        except ValueError:
            return False

    def require_redis(self) -> str:
        """The URL of Redis; raises InvalidSetting where none is set."""
        if not self.redis_url:
            raise InvalidSetting(
                "LOOKALIKE_REDIS_URL is not set and no `lookalike up` runs in "
                f"{self.home}: set it to redis://:password@host:6379/0, or start `lookalike up`"
            )
        return self.redis_url


def _invalid(error: ValidationError) -> InvalidSetting:
    first = error.errors()[0]
    variable = PREFIX + str(first["loc"][0]).upper()
    if first["type"] == "extra_forbidden":
        return InvalidSetting(
            f"{variable} is set, but there is no such option: see the table in docs/settings.md",
            value=first["input"],
        )
    message = first["msg"].removeprefix("Value error, ")
    return InvalidSetting(
        f"{variable} is {first['input']!r}; {message[0].lower()}{message[1:]}",
        value=first["input"],
    )


def settings_table() -> str:
    """The options as a Markdown page: docs/settings.md is this text."""
    lines = [
        "# Settings",
        "",
        "Environment variables, read once at start. Made by `python -m lookalike.settings`.",
        "",
        "| variable | default | meaning |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        is_empty = field.default_factory is not None or field.default in ("", ())
        shown = "" if is_empty else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(settings_table())
