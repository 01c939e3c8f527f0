"""A plan as a graph."""

from pathlib import Path

import pytest

from sipagent.dialplan.drawn import Drawn
from sipagent.dialplan.graph import graph
from sipagent.dialplan.load import load
from sipagent.dialplan.repository import plan_files
from sipagent.sources import parse, read

DIALPLANS = plan_files([Path(__file__).parents[2] / "dialplans"])

PLAN = """version: 1.0.0
routes:
  - {to: "100", from: "+44*"}
agents:
  desk:
    hand_over: [orders]
    fallback: closed
    intents:
      sales: {phrases: [sales], do: {transfer: {to: "sip:sales@pbx.example"}}}
      late: {phrases: [late], do: {transfer: {dest: closed}}}
  orders:
    contexts:
      default:
        steps:
          - name: which
            gather_info:
              completion_action: next_step
              failure_action: sorry
              questions: [{key: a, question: "Which?"}]
          - {name: sure, text: Ask., valid_contexts: [other], valid_steps: [sorry]}
          - {name: sorry, say: Sorry., end: true}
      other:
        steps: [{name: there, text: Talk.}]
sections:
  main:
    - ai: {agent: desk}
    - switch:
        variable: choice
        case:
          "1":
            - transfer: {to: "sip:a@pbx.example"}
            - cond:
                - {when: "vars.late", then: [{transfer: closed}]}
                - else: [{execute: "https://me:secret@swml.example/next?key=secret"}]
        default: [{connect: {parallel: [{to: "sip:b@pbx.example"}, {to: "+4420"}]}}]
    - transfer: "${vars.where}"
  closed:
    - ai: {prompt: {text: "Say sorry."}}
    - hangup
"""


def ways(drawn: Drawn) -> set[tuple[str, str, str]]:
    return {(edge.source, edge.target, edge.label) for edge in drawn.edges}


def test_every_way_a_call_can_take_is_drawn_once() -> None:
    source = parse(PLAN, "plan.yaml")
    drawn = graph(load(source), lambda path: source.place(path)[0])
    assert ways(drawn) == {
        ("route:0", "section:main", ""),
        ("section:main", "agent:desk", "ai"),
        ("section:main", "party:sip:a@pbx.example", "1: transfer"),
        ("section:main", "section:closed", "1, vars.late: transfer"),
        ("section:main", "document:https://swml.example/next", "1, else: execute"),
        ("section:main", "party:sip:b@pbx.example", "default: connect"),
        ("section:main", "party:+4420", "default: connect"),
        ("section:main", "document:${vars.where}", "transfer"),
        ("section:closed", "agent:#1", "ai"),
        ("agent:desk", "section:closed", "fallback"),
        ("agent:desk", "agent:orders", "hands over"),
        ("agent:desk", "party:sip:sales@pbx.example", "intent sales"),
        ("agent:desk", "section:closed", "intent late"),
        ("agent:orders", "context:orders.default", "begins"),
        ("context:orders.default", "context:orders.default.which", "begins"),
        ("context:orders.other", "context:orders.other.there", "begins"),
        ("context:orders.default.which", "context:orders.default.sure", ""),
        ("context:orders.default.which", "context:orders.default.sure", "filled"),
        ("context:orders.default.which", "context:orders.default.sorry", "given up"),
        ("context:orders.default.sure", "context:orders.default.sorry", ""),
        ("context:orders.default.sure", "context:orders.other", ""),
    }
    lines = {node.id: node.line for node in drawn.nodes}
    texts = PLAN.splitlines()
    for node, text in {
        "route:0": '- {to: "100"', "section:closed": "closed:", "agent:orders": "orders:",
        "context:orders.other": "other:", "context:orders.default.sure": "- {name: sure",
        "agent:#1": "- ai: {prompt",
    }.items():  # fmt: skip
        assert texts[lines[node] - 1].strip().startswith(text), node
    assert "secret" not in drawn.model_dump_json()
    assert drawn.nodes[0].label == "to 100, from +44*"


@pytest.mark.parametrize("path", DIALPLANS, ids=lambda path: path.stem)
def test_every_example_is_drawn_whole(path: Path) -> None:
    drawn = graph(load(read(path)))
    known = {node.id for node in drawn.nodes}
    assert "section:main" in known
    assert {end for edge in drawn.edges for end in (edge.source, edge.target)} <= known
    assert len(known) == len(drawn.nodes)
