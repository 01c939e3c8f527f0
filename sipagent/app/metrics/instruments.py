"""Instruments: the names, labels and buckets of what is counted, in one registry."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

#: values of one label that are told apart; a plan, a caller or a model that makes up names cannot
#: fill the memory: what comes later is counted together
MOST_NAMES = 200
OTHER = "other"
#: seconds
_SHORT = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
_LONG = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_MOS = (1.5, 2, 2.5, 3, 3.3, 3.6, 3.8, 4, 4.1, 4.2, 4.3, 4.4)
_JITTER = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)


class Names:
    """The values of labels that were seen, each label's bounded by itself."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._seen: dict[str, set[str]] = {}

    def __call__(self, label: str, value: str) -> str:
        """The value, or "other" where there are too many already."""
        seen = self._seen.setdefault(label, set())
        if value not in seen:
            if len(seen) >= self._most:
                return OTHER
            seen.add(value)
        return value


class Instruments:
    """What is counted and measured; times are in seconds, as Prometheus has it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"sipagent_{name}", what, labels, registry=registry)

        def histogram(
            name: str, what: str, *labels: str, buckets: Sequence[float] = _SHORT
        ) -> Histogram:
            return Histogram(f"sipagent_{name}", what, labels, buckets=buckets, registry=registry)

        self.calls = counter(
            "calls", "Calls that ended, by final SIP status", "plan", "direction", "status", "by"
        )
        self.setup = histogram("call_setup_seconds", "From the INVITE to its answer", "direction")
        self.duration = histogram(
            "call_duration_seconds", "From the answer to the end", "plan", buckets=_LONG
        )
        self.transfers = counter("transfers", "Verbs that reach somebody else", "verb", "ok")
        self.warnings = counter("warnings", "What a person should look at", "code")

        self.turns = counter("turns", "Turns of callers, by what they got for them", "outcome")
        self.response = histogram(
            "turn_response_seconds", "From the caller's last sound to our first RTP"
        )
        self.stage = histogram(
            "turn_stage_seconds", "Each stage of a turn by itself", "stage", "provider"
        )
        self.overhead = histogram(
            "turn_overhead_seconds", "Our own part: end of turn decided to first speech queued"
        )
        self.barge_ins = counter("barge_ins", "Callers who spoke over the agent", "decision")

        self.tools = counter("tool_calls", "Tools that models called", "tool", "ok")
        self.tool_time = histogram("tool_seconds", "How long tools took", "tool")
        self.policy = counter("policy_decisions", "May they do this?", "verb", "by", "allowed")

        self.failures = counter(
            "provider_failures", "Ears, minds and mouths that failed", "provider", "role", "then"
        )
        self.tokens = counter("model_tokens", "As providers count them", "provider", "kind")
        self.heard = counter("speech_heard_seconds", "Audio given to ears", "provider")
        self.spoken = counter("speech_spoken_characters", "Text given to mouths", "provider")
        self.cost = counter("cost", "In the currency of the configured prices", "provider", "role")

        self.packets = counter("rtp_packets", "Of legs that ended", "direction", "codec")
        self.lost = counter("rtp_packets_lost", "Of legs that ended; out: as reported", "direction")
        self.jitter = histogram("rtp_jitter_seconds", "Of what came (RFC 3550)", buckets=_JITTER)
        self.mos = histogram(
            "leg_mos", "Reckoned by the E-model, ITU-T G.107", "direction", buckets=_MOS
        )
