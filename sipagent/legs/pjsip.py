"""Endpoint: pjsua2 on the worker's event loop, and its account."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj

from sipagent.call.dial import DtmfMode, Srtp
from sipagent.call.leg import LegState
from sipagent.config import Settings
from sipagent.errors import LegFailed
from sipagent.media.precedence import ahead_of_others

from .codecs import Codecs
from .descriptors import own_sockets
from .native import failed, fenced, silence_log
from .native_call import NativeCall
from .sip import SipLeg
from .six import SixGate

Address = tuple[str, int]
#: user name and password
Credentials = tuple[str, str]
#: what the published wheel was compiled for (PJSUA_MAX_CALLS)
MAX_LEGS = 4
#: between looks at the native timers (retransmissions, session timers, keys from the media
#: thread), where no media clock has them looked at
TICK_SECONDS = 0.05
#: the same while there is no leg; packets wake us either way
IDLE_TICK_SECONDS = 0.25
_EVENTS_AT_ONCE = 16
#: with a busy loop, RTP leaves late unless the media thread gets the interpreter soon
_SWITCH_INTERVAL = 0.0005
_SRTP: dict[Srtp, Any] = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one worker's call, where it is not as the settings say: encryption and codecs
    of media, how keys are sent, where the world reaches us.
    """

    srtp: Srtp | None = None
    codecs: tuple[str, ...] = ()
    dtmf: DtmfMode | None = None
    sip_address: Address | None = None
    media_address: str | None = None


TERMS = Terms()


class NativeAccount(pj.Account):  # type: ignore[misc]
    """pjsua2's account: every call comes in through one."""

    def __init__(self, arrived: Callable[[SipLeg], None], kick: Callable[[], None]) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self._arrived = arrived
        self._kick = kick
        #: who waits for the final answer to a request outside any call
        self.answer: asyncio.Future[tuple[int, str]] | None = None

    @fenced
    def onSendRequest(self, prm: Any) -> None:  # noqa: N802
        """A request of ours outside any call was answered, or was not in time (408)."""
        transaction = prm.e.body.tsxState.tsx
        told = int(transaction.statusCode), str(transaction.statusText)
        self.loop.call_soon(self._answered, told)

    def _answered(self, told: tuple[int, str]) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(told)

    @fenced
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        """An INVITE. Nothing is answered in here: a final status would abort the process when
        the INVITE has no SDP, and anybody can send one.
        """
        native = NativeCall(self, prm.callId)
        leg = SipLeg(native, LegState.INCOMING, self._kick)
        leg.identify(native.getInfo(), str(prm.rdata.wholeMsg))
        self.loop.call_soon(self._arrived, leg)


class Endpoint:
    """One per process, on a loopback UDP port of its own; made by `start` on the running loop.

    `public_address` is where the world reaches the edge: the Contact is `sip:w.TOKEN@` there.
    `internal_address` is the edge's socket for workers, the outbound proxy; None means that the
    endpoint stands alone (its own Contact, no proxy). There is no stop: ordinary teardown with
    live objects aborts, so the process hangs up its legs and ends by `os._exit`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        token: str,
        public_address: Address,
        internal_address: Address | None,
    ) -> None:
        self.on_incoming: Callable[[SipLeg], None] | None = None
        self.address: Address = ("127.0.0.1", 0)
        #: every leg that has not ended; the native objects must be kept alive
        self.legs: set[SipLeg] = set()
        self._settings = settings
        self._token = token
        self._public = public_address
        self._internal = internal_address
        self._accounts: dict[tuple[Credentials | None, Srtp], NativeAccount] = {}
        self._native: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signalling: list[int] = []
        self._dtmf = settings.media.dtmf
        self._media_public = settings.rtp.public_address
        #: between the edge and the library where IPv6 media is served
        self.six: SixGate | None = None
        self._kicked = self._clocked = False
        self._ahead = settings.media.priority == "auto"
        #: between looks at the native timers while there is a leg
        self.tick_seconds = TICK_SECONDS
        self.codecs = Codecs(settings)

    @property
    def rate(self) -> int:
        """The conference's sample rate, Hz."""
        return self._settings.media.clock_rate

    @property
    def identity(self) -> str:
        """The `user@host` we call as when nobody says otherwise, host and port public."""
        return f"sipagent@{_host_port(self._home())}"

    def start(self) -> None:
        """Get ready and take calls. Raises LegFailed when it cannot."""
        self.prepare()
        self.open()

    def prepare(self) -> None:
        """Create the library, its socket and its account; what arrives waits for `open`.

        Raises LegFailed when it cannot.
        """
        self._loop = asyncio.get_running_loop()
        sys.setswitchinterval(_SWITCH_INTERVAL)
        silence_log()
        try:
            self._create()
        except pj.Error as error:
            raise failed(error) from error

    def open(self, terms: Terms = TERMS) -> None:
        """Take calls, on these terms.

        The terms of a call are settled before its INVITE is read: what a call is offered cannot be
        changed once the library has seen it.
        """
        assert self._loop is not None
        usual = self._settings.media.srtp
        self._dtmf = terms.dtmf or self._dtmf
        self._public = terms.sip_address or self._public
        self._media_public = terms.media_address or self._media_public
        if terms.srtp not in (None, usual) or terms.sip_address or terms.media_address:
            srtp = terms.srtp or usual
            account = self._accounts.pop((None, usual))
            account.modify(self._account_config(None, srtp))
            self._accounts[None, srtp] = account
        if terms.codecs:
            self.codecs.incoming = tuple(terms.codecs)
            self.codecs.narrow(self._native)
        self.playback()
        if self.six is not None:
            self.six.open()
        for descriptor in self._signalling:
            self._loop.add_reader(descriptor, self.pump)
        self._tick()

    def kick(self) -> None:
        """Look at native events on the loop's next turn; called after every API call."""
        if not self._kicked and self._loop is not None:
            self._kicked = True
            self._loop.call_soon(self.pump)

    def account(
        self, credentials: Credentials | None = None, srtp: Srtp | None = None
    ) -> NativeAccount:
        """The account that answers digest challenges with `credentials` and offers `srtp`."""
        key = credentials, srtp or self._settings.media.srtp
        account = self._accounts.get(key)
        if account is None:
            account = NativeAccount(self._incoming, self.kick)
            account.create(self._account_config(*key))
            self._accounts[key] = account
        return account

    def widen(self) -> None:
        """A leg is to be made that says itself which codecs it speaks."""
        self.codecs.widen(self._native)

    def adopt(self, leg: SipLeg, dtmf: DtmfMode | None = None) -> None:
        """Keep `leg` alive until it ends; keys are sent to it as `dtmf` or the settings say."""
        self.legs.add(leg)
        leg.keys.rate, leg.keys.mode = self.rate, dtmf or self._settings.media.dtmf
        leg.on_change(lambda _: self._ended(leg) if leg.state is LegState.DISCONNECTED else None)

    def _ended(self, leg: SipLeg) -> None:
        self.legs.discard(leg)
        if self.six is not None:
            self.six.ended(leg.info.sip_call_id)

    @property
    def native(self) -> Any:
        """The library, once `prepare` has created it."""
        return self._native

    def playback(self) -> Any:
        """The null audio device, a conference member that always listens. Its thread drives the
        conference, so it is not there before somebody wants it: not in a worker that is idle.
        """
        devices = self._native.audDevManager()
        if not self._clocked:
            self._clocked = True
            with ahead_of_others(wanted=self._ahead):
                devices.setNullDev()
        return devices.getPlaybackDevMedia()

    def _create(self) -> None:
        self._native = native = pj.Endpoint()
        native.libCreate()
        with ahead_of_others(wanted=self._ahead):
            native.libInit(self._library_config())
        before = own_sockets()
        transport = pj.TransportConfig()
        transport.port, transport.boundAddress = 0, self.address[0]
        number = native.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        name = str(native.transportGetInfo(number).localName)
        self.address = (self.address[0], int(name.rpartition(":")[2]))
        native.libStart()
        self.codecs.narrow(native)
        self._signalling = sorted(own_sockets() - before)
        if self._internal is not None and self._settings.rtp.ipv6_host is not None:
            self._put_gate(self._internal, self._settings.rtp.ipv6_host)
        self.account()

    def _put_gate(self, edge: Address, host: str) -> None:
        """Stand between the edge and the library, each of which takes us for the other."""
        rtp = self._settings.rtp
        ports = range(rtp.first, rtp.last)
        self.six = SixGate(edge, self.address, host=host, media=rtp.host, ports=ports)
        self.address, self._internal = self.six.outer.local, self.six.inner.local

    def _library_config(self) -> Any:
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        agent = config.uaConfig
        agent.threadCnt, agent.mainThreadOnly, agent.maxCalls = 0, True, MAX_LEGS
        agent.userAgent = "sipagent"
        agent.natTypeInSdp = 0
        media = config.medConfig
        media.clockRate = media.sndClockRate = self.rate
        media.channelCount = 1
        media.audioFramePtime = media.ptime = 20
        media.threadCnt = 1
        media.noVad = True
        media.ecTailLen = 0
        media.sndAutoCloseTime = -1
        # adaptive: a small fixed buffer throws frames away under the first real jitter
        media.jbInit = media.jbMinPre = 0
        media.jbMaxPre, media.jbMax = 60, 200
        return config

    def _account_config(self, credentials: Credentials | None, srtp: Srtp) -> Any:
        config = pj.AccountConfig()
        config.idUri = f"<sip:{self.identity}>"
        if self._internal is not None:
            contact = f"<sip:w.{self._token}@{_host_port(self._public)}>"
            config.sipConfig.contactForced = contact
            proxies = pj.StringVector()
            proxies.append(f"sip:{_host_port(self._internal)};lr")
            config.sipConfig.proxies = proxies
        if credentials is not None:
            known = pj.AuthCredInfoVector()
            known.append(pj.AuthCredInfo("digest", "*", credentials[0], 0, credentials[1]))
            config.sipConfig.authCreds = known
        nat = config.natConfig
        nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = 0
        nat.sipOutboundUse = nat.udpKaIntervalSec = 0
        calls = config.callConfig
        calls.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        sip = self._settings.sip
        calls.timerSessExpiresSec, calls.timerMinSESec = sip.session_expires, sip.session_min
        calls.prackUse = pj.PJSUA_100REL_OPTIONAL
        self._configure_media(config.mediaConfig, srtp)
        return config

    def _configure_media(self, media: Any, srtp: Srtp) -> None:
        rtp = self._settings.rtp
        transport = media.transportConfig
        transport.boundAddress = rtp.host
        transport.port, transport.portRange = rtp.first, rtp.last - rtp.first
        # every worker draws from the same range: those that begin at its start collide
        transport.randomizePort = True
        if self._media_public is not None:
            transport.publicAddress = self._media_public
        media.srtpUse = _SRTP[srtp]
        # the edge ends TLS, so the hop to us is never "secure" in pjsip's eyes
        media.srtpSecureSignaling = 0
        keyings = pj.IntVector()
        keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
        media.srtpOpt.keyings = keyings
        media.lockCodecEnabled = False

    def _home(self) -> Address:
        return self._public if self._internal is not None else self.address

    def _incoming(self, leg: SipLeg) -> None:
        self.adopt(leg, self._dtmf)
        self.widen()
        if leg.native is not None:
            leg.native.codecs = self.codecs.incoming
        if self.on_incoming is not None:
            self.on_incoming(leg)
        else:
            leg.dismiss(480)

    def pump(self) -> None:
        """Let the library do what it has to, and tell us of it."""
        self._kicked = False
        for _ in range(_EVENTS_AT_ONCE):
            if self._native.libHandleEvents(0) <= 0:
                return
        self.kick()

    def _tick(self) -> None:
        self.pump()
        assert self._loop is not None
        self._loop.call_later(self.tick_seconds if self.legs else IDLE_TICK_SECONDS, self._tick)


def _host_port(address: Address) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}"


def no_room() -> LegFailed:
    """A fifth leg was asked for."""
    return LegFailed(503, f"a conversation holds at most {MAX_LEGS} legs")
