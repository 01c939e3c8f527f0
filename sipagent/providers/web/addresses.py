"""Which addresses are the public internet's, whatever form they are written in."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

#: translations (RFC 6052, RFC 8215) and deprecated forms that carry an IPv4 address at their end
_CARRYING = tuple(map(ip_network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
_NEVER = tuple(
    map(
        ip_network,
        (
            "64:ff9b:1::/48",  # RFC 8215: translation inside one network
            "2001::/23",  # IETF protocol assignments, Teredo among them
            "5f00::/16",  # RFC 9602
            "fec0::/10",  # RFC 3879
            "168.63.129.16/32",  # the host of a virtual machine at one large cloud
            "192.88.99.0/24",  # RFC 7526
        ),
    )
)


def parsed(address: str) -> Address:
    """An address, without its zone."""
    return ip_address(address.partition("%")[0])


def carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and any(address in network for network in _CARRYING) and int(address) > 1:
        inside = IPv4Address(int(address) & 0xFFFFFFFF)
    return inside or address


def is_public(address: Address) -> bool:
    """False for loopback, private, link-local, shared, documentation, multicast, unspecified and
    reserved addresses, and for whatever stands for one of them.
    """
    judged = carried(address)
    if any(judged in network for network in _NEVER if network.version == judged.version):
        return False
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    return judged.is_global and not judged.is_multicast and not judged.is_reserved
