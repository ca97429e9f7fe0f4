"""Reading the one URL that says where Redis is."""

from __future__ import annotations

import pytest

from lookalike.errors import InvalidSetting
from lookalike.queue.redis_urls import parse_redis_url


def test_a_plain_url_means_one_server() -> None:
    server = parse_redis_url("redis://:secret@example.org:6380/3")
    assert server.addresses == (("example.org", 6380),)
    assert (server.user, server.password, server.database) == (None, "secret", 3)
    assert server.broker_url == "redis://:secret@example.org:6380/3"
    assert server.master is None
    assert server.tls is None


@pytest.mark.parametrize(
    ("url", "broker_url"),
    [
        ("redis://h", "redis://h:6379/0"),
        ("redis://h/", "redis://h:6379/0"),
        ("redis://me:p@h", "redis://me:p@h:6379/0"),
        ("redis://:a%2Fb%40c@h", "redis://:a%2Fb%40c@h:6379/0"),
        ("redis://[::1]:6380/1", "redis://[::1]:6380/1"),
        ("valkey://h:6379/0", "redis://h:6379/0"),
        ("valkeys://h:6379/0", "rediss://h:6379/0"),
        ("rediss://h", "rediss://h:6379/0"),
        ("sentinel://a?master=m", "sentinel://a:26379/0"),
        ("sentinel://:p@a,b:1/2?master=m", "sentinel://:p@a:26379/2;sentinel://:p@b:1/2"),
    ],
)
def test_what_is_left_out_has_a_default_and_each_sentinel_gets_all(
    url: str, broker_url: str
) -> None:
    assert parse_redis_url(url).broker_url == broker_url


def test_sentinels_have_a_primary_and_may_have_a_password_of_their_own() -> None:
    server = parse_redis_url(
        "sentinel://app:one@a,b/0?master=mine&sentinel_user=watch&sentinel_password=t%26w+o"
    )
    assert server.master == "mine"
    assert (server.user, server.password) == ("app", "one")
    assert server.sentinel_options["username"] == "watch"
    assert server.sentinel_options["password"] == "t&w+o"
    assert "ssl" not in server.sentinel_options


def test_tls_verifies_the_server_unless_told_otherwise() -> None:
    server = parse_redis_url("rediss://h?ssl_ca_certs=/ca.pem")
    assert server.tls == {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": "/ca.pem",
    }
    server = parse_redis_url("rediss://h?ssl_cert_reqs=none")
    assert server.tls == {"ssl_cert_reqs": "none", "ssl_check_hostname": False}


def test_tls_with_sentinels_is_for_both() -> None:
    server = parse_redis_url("sentinel://a,b/0?master=m&tls=true")
    assert server.tls == {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert server.sentinel_options.items() >= {"ssl": True, **server.tls}.items()


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("localhost:6379", "has no ://"),
        ("amqp://h", "begins with 'amqp'"),
        ("redis://", "has a host or port that cannot be read"),
        ("redis://h:port", "has a host or port that cannot be read"),
        ("redis://h:0", "has a host or port that cannot be read"),
        ("redis://[::1", "cannot be read as a URL"),
        ("redis://h/cache", "'cache', which is no number"),
        ("redis://h?db=1", "redis:// has none"),
        ("redis://h?ssl_ca_certs=/ca", "redis:// has none"),
        ("valkeys://h?db=1", "valkeys:// has ssl_ca_certs, ssl_cert_reqs"),
        ("redis://a,b", "names 2 servers"),
        ("rediss://h?ssl_cert_reqs=maybe", "expected required, optional or none"),
        ("rediss://h?ssl_check_hostname=perhaps", "neither true nor false"),
        ("sentinel://a,b/0", "add .master=name"),
        ("sentinel://a,b/0?master=", "add .master=name"),
        ("sentinel://a,,b/0?master=m", "has a host or port that cannot be read"),
        ("sentinel://a;sentinel://b/0?master=m", "separated by commas"),
        ("sentinel://a/0?master=m&service=m", "sentinel:// has master, sentinel_password"),
        ("sentinel://a/0?master=m&tls=yes", "neither true nor false"),
        ("sentinel://a/0?master=m&ssl_ca_certs=/ca", "add tls=true"),
    ],
)
def test_a_wrong_url_is_told_with_what_is_wrong_and_what_was_expected(url: str, found: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"LOOKALIKE_REDIS_URL .*{found}.*expected redis://"):
        parse_redis_url(url)


@pytest.mark.parametrize("mark", [*"/?#@;,[]:%&", "\N{DOUBLE EXCLAMATION MARK}?", "&x=", "://"])
@pytest.mark.parametrize(
    "url",
    [
        "redis://:{}@h:port/0",
        "redis://me:{}@h/0/1",
        "redis://me:12{}@h:6379/none",
        "sentinel://:{}@a,b/0",
        "sentinel://a/0?sentinel_password={}",
        "{}@h",
    ],
)
def test_no_message_shows_a_password(url: str, mark: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        parse_redis_url(url.format(f"1{mark}hush{mark}hush"))
    error: BaseException | None = caught.value
    assert "hush" not in repr(caught.value.value)
    while error is not None:
        assert "hush" not in str(error)
        error = error.__cause__ or error.__context__


def test_a_server_is_shown_without_its_passwords() -> None:
    server = parse_redis_url("sentinel://:hush@a/0?master=m&sentinel_password=hush")
    assert "hush" not in repr(server)
