"""Ladder: the SIP messages of a call as text, one column a party and one arrow a message."""

from collections.abc import Iterator, Sequence

from sipagent.events import CallStarted, Event, SipMessage

#: characters between two columns, at least; a longer message makes room for itself
_NARROWEST = 24


def ladder(events: Sequence[Event]) -> str:
    """Every message with its time from the beginning of the call, seconds, and dialog. Pure."""
    rungs = [event for event in events if isinstance(event, SipMessage)]
    if not rungs:
        return "no SIP message is on record\n"
    parties = list(dict.fromkeys(end for rung in rungs for end in (rung.source, rung.destination)))
    dialogs = {rung.sip_call_id: n for n, rung in reversed([*enumerate(rungs, 1)])}
    numbers = {name: n for n, name in enumerate(sorted(dialogs, key=dialogs.__getitem__), 1)}
    width = max(_NARROWEST, *(len(party) + 2 for party in parties))
    width = max(width, *(_needed(rung, parties) for rung in rungs))
    start = next((e.at for e in events if isinstance(e, CallStarted)), rungs[0].at)
    lines = [f"dialog {n}: {name}" for name, n in numbers.items()]
    lines += ["", " " * 19 + "".join(f"{party:^{width}}" for party in parties).rstrip()]
    for rung in rungs:
        seconds = (rung.at - start).total_seconds()
        lines.append(
            f"{numbers[rung.sip_call_id]:3} {seconds:11.3f} s   " + _row(rung, parties, width)
        )
    return "\n".join(lines) + "\n"


def _row(rung: SipMessage, parties: Sequence[str], width: int) -> str:
    """`|      |---- BYE --->|`: the columns' lines, and the arrow between two of them."""
    ends = sorted((parties.index(rung.source), parties.index(rung.destination)))
    columns = [column * width + width // 2 for column in range(len(parties))]
    line = list(" " * (columns[-1] + 1))
    for column in columns:
        line[column] = "|"
    first, last = columns[ends[0]], columns[ends[1]]
    if first == last:  # to itself: no arrow can be drawn
        return "".join(line) + f" {_label(rung)}"
    shaft = f" {_label(rung)} ".center(last - first - 1, "-")
    inward = rung.source == parties[ends[0]]
    shaft = shaft[:-1] + ">" if inward else "<" + shaft[1:]
    line[first + 1 : last] = shaft
    return "".join(line)


def _needed(rung: SipMessage, parties: Sequence[str]) -> int:
    apart = abs(parties.index(rung.source) - parties.index(rung.destination))
    return (len(_label(rung)) + 7) // max(apart, 1) + 1


def _label(rung: SipMessage) -> str:
    """`INVITE sip:100@pbx`; an answer with the request it answers: `200 OK (1 INVITE)`."""
    if not rung.start_line.startswith("SIP/2.0 "):
        return " ".join(_words(rung.start_line.removesuffix(" SIP/2.0")))
    return " ".join(_words(f"{rung.start_line[8:]} ({rung.cseq})"))


def _words(text: str) -> Iterator[str]:
    """A far end wrote it: no character of it may move the cursor."""
    return ("".join(c if c.isprintable() else "?" for c in word) for word in text.split())
