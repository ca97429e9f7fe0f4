"""Which addresses are ordinary hosts of the public internet."""

from __future__ import annotations

import ipaddress

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# IPv6 hands out addresses from this block alone. Outside it lie those that carry
# an IPv4 address (::ffff:0:0/96, ::/96, NAT64's 64:ff9b::/96) and all private ones.
_IPV6_UNICAST = ipaddress.IPv6Network("2000::/3")

# Within what Python's own tables call global, and yet no public host, or a tunnel to
# any host. Python 3.11 is lenient with several of them.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments
            "192.88.99.0/24",  # 6to4 relays
            "2001::/23",  # IETF protocol assignments, Teredo among them
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(address: str) -> bool:
    """Tell whether an address is an ordinary host's of the public internet.

    Private, loopback, link-local, carrier-grade NAT, multicast, reserved and
    documentation addresses are not, nor those that lead to an IPv4 address by
    way of IPv6: mapped, compatible, NAT64, 6to4, Teredo.
    """
    try:
        ip: _IPAddress = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and ip not in _IPV6_UNICAST:
        return False
    special = any(ip in network for network in _SPECIAL)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or special)
