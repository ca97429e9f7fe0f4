"""Which addresses are ordinary hosts: of the public internet, or of a private network."""

from __future__ import annotations

import ipaddress

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def _networks(*texts: str) -> _Networks:
    return tuple(map(ipaddress.ip_network, texts))


# IPv6 hands out addresses from this block alone. Outside it lie those that carry
# an IPv4 address (::ffff:0:0/96, ::/96, NAT64's 64:ff9b::/96) and all private ones.
_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")

# Within what Python's own tables call global, and yet no public host, or a tunnel to
# any host. Python 3.11 is lenient with several of them.
_SPECIAL = _networks(
    "192.0.0.0/24",  # IETF protocol assignments
    "192.88.99.0/24",  # 6to4 relays
    "2001::/23",  # IETF protocol assignments, Teredo among them
    "2002::/16",  # 6to4
    "3fff::/20",  # documentation
)

# Here a cloud tells any process of a machine the machine's own keys. Azure's address
# is of the public internet by every registry.
_METADATA = _networks(
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure
    "169.254.0.0/16",  # AWS, Azure, Google, and most others
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::/32",  # AWS
    "fd20:ce::254/128",  # Google
    "fe80::/10",
)

_PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carrier-grade NAT, and overlay networks
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
)


def is_public(address: str) -> bool:
    """Tell whether an address is an ordinary host's of the public internet.

    Private, loopback, link-local, carrier-grade NAT, multicast, reserved and
    documentation addresses are not, nor those that lead to an IPv4 address by
    way of IPv6 (mapped, compatible, NAT64, 6to4, Teredo), nor those at which a
    cloud gives away a machine's keys.
    """
    ip = _parsed(address)
    if ip is None or (ip.version == 6 and ip not in _IPV6_UNICAST):
        return False
    is_special = _is_within(ip, _SPECIAL) or _is_within(ip, _METADATA)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or is_special)


def is_private(address: str) -> bool:
    """Tell whether an address is an ordinary host's of a private network, or this machine's own.

    Of all that is not public, few addresses are: no link-local ones, and none
    that carry another address.
    """
    ip = _parsed(address)
    return ip is not None and _is_within(ip, _PRIVATE) and not _is_within(ip, _METADATA)


def _parsed(address: str) -> _IPAddress | None:
    """The address, if it is one; those with a zone (`%eth0`) are of one link only, and are not."""
    try:
        return None if "%" in address else ipaddress.ip_address(address)
    except ValueError:
        return None


def _is_within(ip: _IPAddress, networks: _Networks) -> bool:
    return any(ip in network for network in networks)
