"""Metrics: what happens in calls is counted, under bounded names, and read by a scrape."""

from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from sipagent.api.nodes_view import BusView, NodeState, NodesView, NodeView
from sipagent.app.metrics.cluster import ClusterSeen
from sipagent.app.metrics.exposition import Metrics
from sipagent.app.metrics.instruments import MOST_NAMES
from sipagent.app.metrics.standing import View
from sipagent.app.tracing.export import Counts as Spans
from sipagent.app.uploading import Uploading
from sipagent.edge.counters import Counters
from sipagent.edge.hep.sender import Counts as Packets
from sipagent.edge.trunks.status import Reach, Standing, TrunkStatus
from sipagent.events import (
    BargeIn,
    CallEnded,
    CallStarted,
    Event,
    LegChanged,
    LegMedia,
    ModelUsed,
    PolicyDecided,
    ProviderFailed,
    SpeechUsed,
    ToolReturned,
    TurnLatency,
    VerbDone,
    Warned,
)
from sipagent.worker.handle import WorkerHandle

ID = "c-1"
TRUNKS = (
    TrunkStatus(name="a", host="a.example", registration=Standing.REGISTERED, calls=3),
    TrunkStatus(name="b", host="b.example", reach=Reach.DOWN, registration=Standing.FAILED),
    TrunkStatus(name="c", host="c.example", reach=Reach.UP),
)


def metrics(trunks: Sequence[TrunkStatus] = (), cluster: ClusterSeen | None = None) -> Metrics:
    return Metrics(
        View(
            live=lambda: 2,
            workers=lambda: [WorkerHandle("t", 0.0)],
            trunks=lambda: trunks,
            bans=lambda: 4,
            waiting=lambda: 7,
            failing=lambda: True,
            ready=lambda: True,
            registrations=lambda: 3,
            edge=Counters(received=9, sent=8, admitted=2, refused=1, bad=5, registered=6, banned=1),
            spans=lambda: Spans(sent=40, dropped=2),
            hep=lambda: Packets(sent=3),
            uploads=lambda: Uploading(waiting=6, sent=5, failed=1, error="away"),
        ),
        lambda: cluster,
    )


def samples(of: Metrics) -> dict[str, float]:
    """`name{label=value,...}`: value."""
    body, kind = of.exposed()
    assert kind.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def told(*events: Event) -> dict[str, float]:
    counted = metrics()
    for event in events:
        counted.happened(event)
    return samples(counted)


def test_a_call_is_counted_with_its_setup_and_its_length() -> None:
    found = told(
        CallStarted(call_id=ID, t=100, caller="a", callee="b", plan="desk"),
        LegChanged(call_id=ID, t=350, leg="l", remote="sip:a@b", state="confirmed", status=200),
        LegChanged(call_id=ID, t=900, leg="l", remote="sip:a@b", state="confirmed", status=200),
        CallEnded(call_id=ID, t=30_350, status=200, by="caller"),
        CallStarted(call_id="c-2", t=0, caller="a", callee="b", plan="desk", direction="outbound"),
        CallEnded(call_id="c-2", t=900, status=486, by="system"),
        CallEnded(call_id="nobody knows", t=9),
    )
    ended = "sipagent_calls_total{by=%s,direction=%s,plan=desk,status=%s}"
    assert found[ended % ("caller", "inbound", 200)] == 1
    assert found[ended % ("system", "outbound", 486)] == 1
    assert found["sipagent_call_setup_seconds_sum{direction=inbound}"] == 0.25
    assert found["sipagent_call_setup_seconds_count{direction=inbound}"] == 1
    assert found["sipagent_call_duration_seconds_sum{plan=desk}"] == 30.0
    assert found["sipagent_call_duration_seconds_count{plan=desk}"] == 1


def test_turns_are_measured_stage_by_stage_and_by_whose_it_is() -> None:
    found = told(
        TurnLatency(
            call_id=ID, turn=1, speech_end=1000, endpoint=1500, final_text=1600, first_token=1900,
            first_audio=2000, first_rtp=2020, overhead_ms=3.5, ears="nova", mind="gpt",
            mouth="rime",
        ),
        TurnLatency(call_id=ID, turn=2, outcome="failed"),
        BargeIn(call_id=ID, decision="stopped", evidence="words"),
    )  # fmt: skip
    assert found["sipagent_turns_total{outcome=answered}"] == 1
    assert found["sipagent_turns_total{outcome=failed}"] == 1
    assert found["sipagent_turn_response_seconds_sum{}"] == 1.02
    assert found["sipagent_turn_response_seconds_bucket{le=1.0}"] == 0
    assert found["sipagent_turn_response_seconds_bucket{le=1.5}"] == 1
    assert found["sipagent_turn_stage_seconds_sum{provider=gpt,stage=first_token}"] == 0.3
    assert found["sipagent_turn_stage_seconds_sum{provider=,stage=endpoint}"] == 0.5
    assert found["sipagent_turn_overhead_seconds_sum{}"] == 0.0035
    assert found["sipagent_barge_ins_total{decision=stopped}"] == 1


def test_tools_policy_providers_and_money_are_counted() -> None:
    found = told(
        ToolReturned(call_id=ID, id="1", tool="price", ok=True, result="12", ms=400),
        ToolReturned(call_id=ID, id="2", tool="price", ok=False, result="no", ms=100),
        PolicyDecided(call_id=ID, verb="transfer", by="api:desk", allowed=False, reason="no"),
        VerbDone(call_id=ID, verb="transfer", by="model", ok=True),
        VerbDone(call_id=ID, verb="play", by="dialplan", ok=True),
        ProviderFailed(call_id=ID, provider="nova", role="ears", cause="late", then="next"),
        ModelUsed(call_id=ID, provider="gpt", model="m", input=90, output=10, cached=5, cost=0.5),
        SpeechUsed(call_id=ID, provider="nova", role="ears", seconds=2.5, cost=0.25),
        SpeechUsed(call_id=ID, provider="rime", role="mouth", characters=40),
        Warned(call_id=ID, code="no_inbound_rtp", detail="nothing comes"),
    )
    assert found["sipagent_tool_calls_total{ok=true,tool=price}"] == 1
    assert found["sipagent_tool_calls_total{ok=false,tool=price}"] == 1
    assert found["sipagent_tool_seconds_sum{tool=price}"] == 0.5
    assert found["sipagent_policy_decisions_total{allowed=false,by=api,verb=transfer}"] == 1
    assert found["sipagent_transfers_total{ok=true,verb=transfer}"] == 1
    assert not any("verb=play" in name for name in found if "transfers" in name)
    assert found["sipagent_provider_failures_total{provider=nova,role=ears,then=next}"] == 1
    assert found["sipagent_model_tokens_total{kind=input,provider=gpt}"] == 90
    assert found["sipagent_cost_total{provider=gpt,role=mind}"] == 0.5
    assert found["sipagent_cost_total{provider=nova,role=ears}"] == 0.25
    assert found["sipagent_speech_heard_seconds_total{provider=nova}"] == 2.5
    assert found["sipagent_speech_spoken_characters_total{provider=rime}"] == 40
    assert found["sipagent_warnings_total{code=no_inbound_rtp}"] == 1


def test_the_audio_of_both_ways_is_judged() -> None:
    leg = LegMedia(
        call_id=ID, leg="l", codec="PCMU", sent=500, received=450, lost=50, jitter_ms=4.0,
        remote_lost=0, remote_jitter_ms=1.0, round_trip_ms=20.0,
    )  # fmt: skip
    silent = LegMedia(call_id=ID, leg="m", codec="PCMU", sent=9, received=0, lost=0, jitter_ms=0.0)
    found = told(leg, silent)
    assert found["sipagent_rtp_packets_total{codec=PCMU,direction=out}"] == 509
    assert found["sipagent_rtp_packets_lost_total{direction=in}"] == 50
    assert found["sipagent_leg_mos_count{direction=in}"] == 1
    assert found["sipagent_leg_mos_sum{direction=in}"] < 3.7
    assert found["sipagent_leg_mos_sum{direction=out}"] > 4.3
    assert found["sipagent_rtp_jitter_seconds_sum{}"] == 0.004


def test_names_without_end_do_not_fill_the_memory() -> None:
    found = told(
        *(
            ToolReturned(call_id=ID, id=str(n), tool=f"made-up-{n}", ok=True, result="")
            for n in range(MOST_NAMES + 50)
        )
    )
    assert found["sipagent_tool_calls_total{ok=true,tool=other}"] == 50
    assert sum("made-up" in name and "calls_total" in name for name in found) == MOST_NAMES


def test_a_scrape_reads_how_the_server_stands() -> None:
    found = samples(metrics(TRUNKS))
    assert found["sipagent_calls_live{}"] == 2
    assert found["sipagent_workers{state=spawned}"] == 1
    assert found["sipagent_workers{state=claimed}"] == 0
    assert found["sipagent_trunk_up{trunk=a}"] == 1
    assert found["sipagent_trunk_up{trunk=b}"] == 0
    assert found["sipagent_trunk_registered{trunk=b}"] == 0
    assert "sipagent_trunk_registered{trunk=c}" not in found
    assert found["sipagent_trunk_calls{trunk=a}"] == 3
    assert (found["sipagent_bans{}"], found["sipagent_store_waiting_events{}"]) == (4, 7)
    assert (found["sipagent_store_failing{}"], found["sipagent_ready{}"]) == (1, 1)
    assert (found["sipagent_uploads_waiting{}"], found["sipagent_uploads_failing{}"]) == (6, 1)
    assert found["sipagent_uploads_total{outcome=sent}"] == 5
    assert found["sipagent_registrations{}"] == 3
    assert found["sipagent_registers_total{outcome=granted}"] == 6
    assert found["sipagent_invites_total{outcome=refused}"] == 1
    assert found["sipagent_sip_messages_total{direction=in}"] == 9
    assert found["sipagent_sip_dropped_total{why=bad}"] == 5
    assert found["sipagent_sources_banned_total{}"] == 1
    assert found["sipagent_trace_spans_total{outcome=dropped}"] == 2
    assert found["sipagent_hep_packets_total{outcome=sent}"] == 3
    assert found["process_resident_memory_bytes{}"] > 1e6
    assert any(name.startswith("sipagent_build_info{version=") for name in found)


def test_a_scrape_reads_how_the_cluster_stands() -> None:
    nodes = (
        NodeView(node="a", state=NodeState.UP, calls=3, capacity=9),
        NodeView(node="b", state=NodeState.DRAINING, calls=1, capacity=8),
        NodeView(node="c", state=NodeState.GONE, calls=7, capacity=9),
        NodeView(node="d", state=NodeState.LEFT),
    )
    view = NodesView(node="a", bus=BusView(connected=True, dropped=2), nodes=nodes)
    leases = ("registration:x", "registration:y", "orphans")
    found = samples(metrics(cluster=ClusterSeen(view, {"timed_out": 4}, leases)))
    up = {name: value for name, value in found.items() if name.startswith("sipagent_node_up")}
    assert up == {
        "sipagent_node_up{node=a}": 1,
        "sipagent_node_up{node=b}": 1,
        "sipagent_node_up{node=c}": 0,  # d said good-bye
    }
    assert found["sipagent_node_draining{node=b}"] == 1
    assert found["sipagent_node_calls{node=a}"] == 3
    assert found["sipagent_node_capacity{node=b}"] == 8
    assert "sipagent_node_calls{node=c}" not in found
    assert (found["sipagent_bus_connected{}"], found["sipagent_bus_dropped_total{}"]) == (1, 2)
    assert found["sipagent_bus_requests_total{outcome=timed_out}"] == 4
    assert found["sipagent_bus_requests_total{outcome=answered}"] == 0
    assert found["sipagent_leases_held{kind=registration}"] == 2
    assert found["sipagent_leases_held{kind=orphans}"] == 1


def test_of_a_cluster_others_are_not_told_while_nobody_hears_them() -> None:
    nodes = (NodeView(node="b", state=NodeState.UNKNOWN, calls=1, capacity=8),)
    view = NodesView(node="a", bus=BusView(connected=False), nodes=nodes)
    found = samples(metrics(cluster=ClusterSeen(view, {}, ())))
    assert found["sipagent_bus_connected{}"] == 0
    assert not any("node=b" in name for name in found)


def test_a_server_that_is_alone_says_nothing_of_a_cluster() -> None:
    assert not any(n.startswith(("sipagent_node_", "sipagent_bus_")) for n in samples(metrics()))
