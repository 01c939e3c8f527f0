"""The pace bench does the work it counts."""

from sipagent.edge.message import parse
from sipagent.edge.pace import INVITE, messages_per_second


def test_the_bench_message_is_whole() -> None:
    assert bytes(parse(INVITE)) == INVITE


def test_messages_are_counted() -> None:
    assert messages_per_second(0.02) > 100
