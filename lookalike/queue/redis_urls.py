"""Where Redis is: one URL, read into what Celery and redis-py want to be told.

redis://[user:password@]host[:6379][/database]
rediss://…                 the same through TLS
sentinel://[user:password@]host[:26379],host[:26379],…[/database]?master=name
    &sentinel_user=…&sentinel_password=…     where the sentinels want some of their own
    &tls=true                                to the sentinels and to the server

Valkey's own spellings, valkey:// and valkeys://, mean redis:// and rediss://.
With TLS the certificate is verified; the options `ssl_…` say against what.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from lookalike.errors import InvalidSetting

_SCHEMES = {
    "redis": "redis",
    "rediss": "rediss",
    "sentinel": "sentinel",
    "valkey": "redis",
    "valkeys": "rediss",
}
_DEFAULT_PORTS = {"redis": 6379, "rediss": 6379, "sentinel": 26379}
_SENTINEL_OPTIONS = {"master", "sentinel_user", "sentinel_password", "tls"}
_TLS_OPTIONS = {
    "ssl_ca_certs",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
}
_EXPECTED = (
    "expected redis://:password@host:6379/0, rediss://… for TLS, or "
    "sentinel://:password@host1:26379,host2:26379/0?master=name"
)
_PASSWORDS = "in a password, write / ? # @ % as %2F %3F %23 %40 %25"
# A sentinel answers from memory. One that is gone may not use up the time in which the
# next one could tell where the primary is.
_SENTINEL_TIMEOUT_S = 1

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis or Valkey server: its address, or the sentinels that know it by name."""

    addresses: tuple[Address, ...]
    database: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    master: str | None = None
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: Mapping[str, str | bool] | None = None

    @property
    def broker_url(self) -> str:
        """The URL as kombu reads it: one for each sentinel.

        Each is complete, since kombu goes on with another one when it has lost the first.
        """
        scheme = "sentinel" if self.master else "rediss" if self.tls else "redis"
        user, password = quote(self.user or "", safe=""), quote(self.password or "", safe="")
        login = f"{user}:{password}@" if user or password else ""
        return ";".join(
            f"{scheme}://{login}{_bracketed(host)}:{port}/{self.database}"
            for host, port in self.addresses
        )

    @property
    def sentinel_options(self) -> dict[str, object]:
        """How redis-py connects to a sentinel."""
        given: dict[str, object] = {
            "username": self.sentinel_user,
            "password": self.sentinel_password,
            "socket_timeout": _SENTINEL_TIMEOUT_S,
            "socket_connect_timeout": _SENTINEL_TIMEOUT_S,
        }
        return given | ({"ssl": True, **self.tls} if self.tls else {})


def parse_redis_url(url: str) -> RedisServer:
    """Read LOOKALIKE_REDIS_URL; raises InvalidSetting, which shows no password."""
    parts = _split(url)
    scheme = _SCHEMES[parts.scheme]
    options = _options(parts, scheme)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    addresses = tuple(_address(host, _DEFAULT_PORTS[scheme]) for host in hosts.split(","))
    if scheme != "sentinel" and len(addresses) > 1:
        _refuse(f"names {len(addresses)} servers in {parts.scheme}://", value=parts.scheme)
    return RedisServer(
        addresses,
        database=_database(parts.path),
        user=unquote(user) or None,
        password=unquote(password) or None,
        master=options.get("master"),
        sentinel_user=options.get("sentinel_user"),
        sentinel_password=options.get("sentinel_password"),
        tls=_tls(options, is_on=scheme == "rediss" or options.get("tls") == "true"),
    )


def _split(url: str) -> SplitResult:
    parts = None
    with suppress(ValueError):
        parts = urlsplit(url)
    if parts is None:
        # Outside of the handler: the parser's own message can show the password.
        _refuse("cannot be read as a URL")
    if "://" not in url or parts.scheme not in _SCHEMES:
        _refuse(f"begins with {parts.scheme!r}" if "://" in url else "has no ://")
    if parts.fragment or "@" in parts.path + parts.query:
        # One of them in a password ends the part of the URL that it stands in.
        _refuse(f"cannot be read; {_PASSWORDS}")
    if ";" in parts.netloc + parts.path:
        _refuse("has a semicolon; sentinels are separated by commas, and named once")
    return parts


def _options(parts: SplitResult, scheme: str) -> dict[str, str]:
    # A plus is a plus: passwords in base64 have some, and nobody writes a space.
    options = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
    known: dict[str, set[str]] = {
        "redis": set(),
        "rediss": _TLS_OPTIONS,
        "sentinel": _SENTINEL_OPTIONS | _TLS_OPTIONS,
    }
    if options.keys() - known[scheme]:
        # Not named: what looks like one can be the rest of a password with an & in it.
        allowed = ", ".join(sorted(known[scheme])) or "none"
        _refuse(f"has an unknown option; {parts.scheme}:// has {allowed}")
    if scheme == "sentinel" and not options.get("master"):
        _refuse("does not name the primary that the sentinels watch: add ?master=name")
    if options.get("tls", "true") not in ("true", "false"):
        _refuse("has an option tls that is neither true nor false")
    if scheme == "sentinel" and options.get("tls") != "true" and _TLS_OPTIONS & options.keys():
        _refuse("has options of TLS without TLS: add tls=true")
    return options


def _address(text: str, default_port: int) -> Address:
    host, port = None, None
    with suppress(ValueError):
        one = urlsplit(f"//{text}")
        host, port = one.hostname, one.port
    if not host or port == 0:
        _refuse(f"has a host or port that cannot be read; {_PASSWORDS}")
    return host, port or default_port


def _database(path: str) -> int:
    number = path.strip("/")
    if number and not (number.isascii() and number.isdigit()):
        _refuse(f"has the database {number!r}, which is no number", value=number)
    return int(number or 0)


def _tls(options: Mapping[str, str], *, is_on: bool) -> dict[str, str | bool] | None:
    if not is_on:
        return None
    given = {name: value for name, value in options.items() if name in _TLS_OPTIONS}
    # kombu's default is to encrypt without asking who is there, redis-py's is to ask.
    verify = given.setdefault("ssl_cert_reqs", "required")
    if verify not in ("required", "optional", "none"):
        _refuse(f"has ssl_cert_reqs={verify}; expected required, optional or none", value=verify)
    checks_host = given.pop("ssl_check_hostname", "false" if verify == "none" else "true")
    if checks_host not in ("true", "false"):
        _refuse("has an option ssl_check_hostname that is neither true nor false")
    return {**given, "ssl_check_hostname": checks_host == "true"}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refuse(found: str, *, value: object = None) -> NoReturn:
    raise InvalidSetting(f"LOOKALIKE_REDIS_URL {found}; {_EXPECTED}", value=value)
