"""Trunks behind a proxy of ours: every node reaches them through it, and knows their calls."""

from collections.abc import Awaitable, Callable
from typing import Any

from sipagent.config import Cluster, Settings, Sip, Trunk
from sipagent.edge.trunks.through import line_of, trunks_of
from sipagent.testing.frontdoor import UdpPeer

Lines = Callable[..., Awaitable[Any]]
CARRIER = {"host": "192.0.2.9", "username": "7000", "password": "secret", "registration": True}


def settings(front: str, **trunk: Any) -> Settings:
    return Settings(
        sip=Sip.model_validate({"listen": [{"port": 0}], "guests": []}),
        trunks={"carrier": Trunk.model_validate(CARRIER | trunk)},
        cluster=Cluster.model_validate({"front": {"address": front, "trusted": "127.0.0.7/32"}}),
    )


async def test_a_call_by_a_trunk_leaves_through_the_front(lines: Lines) -> None:
    front = await UdpPeer.open("127.0.0.7")
    place = "{}:{}".format(*front.local)
    line = await lines(settings(place))
    line.stack.callback(front.close)
    token, worker = await line.worker(waiting=False)
    asked = worker.request(
        "INVITE",
        "sip:+442079460018@192.0.2.9",
        contact=f"Contact: <{line.uri('w.' + token)}>",
        extra=(line.route(), "X-Sipagent-Trunk: carrier"),
    )
    worker.send(asked, line.edge.internal_address)
    got = await front.get("INVITE")
    assert got.uri == b"sip:+442079460018@192.0.2.9"
    assert got.text(b"route") == f"<sip:{place};lr>".encode()


async def test_a_node_that_never_registered_knows_a_call_to_the_contact(lines: Lines) -> None:
    line = await lines(settings("192.0.2.1:5060"))
    front = await line.phone("127.0.0.7")
    _, worker = await line.worker()
    said = ("X-Sipagent-Source: 198.51.100.77:5060",)
    mark = line_of("carrier", Trunk.model_validate(CARRIER))
    wrong = f"sip:7000@192.0.2.1:5060;line={mark[::-1]}"
    line.send(front, front.request("INVITE", wrong, extra=said))
    await front.get(403)
    line.send(front, front.request("INVITE", f"sip:7000@192.0.2.1;line={mark}", extra=said))
    await worker.get("INVITE")
    assert [call.account for call in line.desk.calls] == ["carrier"]


def test_a_trunk_with_a_way_of_its_own_keeps_it() -> None:
    assert trunks_of(settings("h:1"))["carrier"].outbound_proxy == "sip:h:1"
    assert trunks_of(settings("h:1", transport="tls"))["carrier"].outbound_proxy is None
    own = trunks_of(settings("h:1", outbound_proxy="sbc.example"))["carrier"]
    assert own.outbound_proxy == "sip:sbc.example"


def test_a_mark_is_nobodys_guess() -> None:
    one, other = Trunk.model_validate(CARRIER), Trunk.model_validate(CARRIER | {"password": "x"})
    assert line_of("carrier", one) == line_of("carrier", one) != line_of("carrier", other)
    bare = Trunk(host="192.0.2.9")
    assert line_of("carrier", bare) != line_of("carrier", bare)
