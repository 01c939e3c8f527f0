"""Taps: a call's audio on its way to somewhere else, by control id."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipagent.errors import PlanError
from sipagent.events import TapStarted, TapStopped
from sipagent.media.port import AudioPort

from .leg import Leg
from .tap_wires import TapOrder, TapWire, Track

if TYPE_CHECKING:
    from .session import CallSession


@dataclass(frozen=True, slots=True, eq=False)
class _Tap:
    wire: TapWire
    tracks: Mapping[Track, AudioPort]
    back: tuple[AudioPort, ...]
    tasks: tuple[asyncio.Task[None], ...]
    on_stop: Callable[[str], None]


class Taps:
    """The running taps of one call. A wire that breaks ends its tap and never the call."""

    def __init__(self, call: "CallSession") -> None:
        self._call = call
        self._running: dict[str, _Tap] = {}

    def __contains__(self, control_id: str) -> bool:
        return control_id in self._running

    @property
    def newest(self) -> str | None:
        """The control id of the running tap that was started last."""
        return next(reversed(self._running), None)

    async def start(
        self,
        control_id: str,
        order: TapOrder,
        *,
        two_way: bool = False,
        on_stop: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """Send from now on; with `two_way` the room hears what comes back. `on_stop` is told why
        it is over. Raises CallError, of them NoConsent where the caller has not agreed.
        """
        self._call.consent.check()
        if control_id in self._running:
            raise PlanError(f"a tap named {control_id!r} is running already")
        call, bridge = self._call, self._call.bridge
        wire = await call.services.tap_wires.open(order)
        ports = {track: bridge.open_port(f"{control_id}-{track}") for track in order.tracks}
        tasks = [call.spawn(_feed(port, wire, track)) for track, port in ports.items()]
        if "speak" in ports:
            call.room.overhear(ports["speak"], mouth_of=call.caller)
        if "listen" in ports:
            call.room.add_listener(ports["listen"], ears_of=call.caller)
        back = (bridge.open_port(f"{control_id}-back"),) if two_way else ()
        for port in back:
            call.room.join(port)
            tasks.append(call.spawn(_play(wire, port)))
        tasks.append(call.spawn(self._broken(control_id, wire)))
        self._running[control_id] = _Tap(wire, ports, back, tuple(tasks), on_stop)
        call.emit(TapStarted, control_id=control_id, uri=order.uri, tracks=order.tracks)

    def follow(self, caller: Leg) -> None:
        """Somebody else has the caller's place: from now on they are the tapped party."""
        for tap in self._running.values():
            if "speak" in tap.tracks:
                self._call.room.overhear(tap.tracks["speak"], mouth_of=caller)
            if "listen" in tap.tracks:
                self._call.room.add_listener(tap.tracks["listen"], ears_of=caller)

    async def stop(self, control_id: str, reason: str = "stopped") -> None:
        """End one tap. Raises PlanError."""
        try:
            tap = self._running.pop(control_id)
        except KeyError:
            raise PlanError(f"no tap named {control_id!r} is running") from None
        for port in (*tap.tracks.values(), *tap.back):
            self._call.room.remove_listener(port)
            self._call.room.leave(port)
            self._call.bridge.close_port(port)
        for task in tap.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        sent, dropped = await tap.wire.close()
        self._call.emit(
            TapStopped, control_id=control_id, reason=reason, sent=sent, dropped=dropped
        )
        tap.on_stop(reason)

    async def stop_all(self, reason: str = "the call ended") -> None:
        """End every tap."""
        await asyncio.gather(*(self.stop(name, reason) for name in list(self._running)))

    async def _broken(self, control_id: str, wire: TapWire) -> None:
        reason = await wire.failed()
        tap = self._running.get(control_id)
        if tap is not None and tap.wire is wire:
            await self.stop(control_id, reason)


async def _feed(port: AudioPort, wire: TapWire, track: Track) -> None:
    async for frame in port.frames():
        wire.send(track, frame.pcm, frame.t)


async def _play(wire: TapWire, port: AudioPort) -> None:
    async for pcm in wire.received():
        if pcm is None:
            port.clear()
        else:
            await port.play(pcm)
