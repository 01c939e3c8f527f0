// The waterfall of each turn: from the caller's last sound to the first sound of the answer.

import { fill, h } from "../dom.js";
import { offset, plural, span, words } from "../format.js";

const STAGES = [
  ["endpoint", "end of turn"], ["final_text", "text"], ["first_token", "first word"],
  ["first_sentence", "first sentence"], ["first_audio", "first audio"], ["first_rtp", "on the wire"],
];

export function waterfall() {
  const node = h("div.in");
  function show(turns, zero) {
    const measured = turns.map((turn) => bars(turn)).filter((turn) => turn.total !== null || turn.event.outcome !== "answered");
    if (!measured.length) return fill(node, h("p.soft", "No turn was measured yet."));
    const longest = Math.max(200, ...measured.map((turn) => turn.end));
    const totals = measured.map((turn) => turn.total).filter((ms) => ms !== null).sort((a, b) => a - b);
    return fill(node,
      h("p.row.small", totals.length ? [h("strong", `median ${span(rank(totals, 0.5))}`), h("span.soft", `95 % within ${span(rank(totals, 0.95))}, ${plural(totals.length, "answer")}`)] : null, legend()),
      h("ol.falls", measured.map((turn) => row(turn, longest, zero))));
  }
  return { node, show };
}

function rank(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function bars(event) {
  let before = event.speech_end ?? 0;
  const parts = [];
  for (const [stage, name] of STAGES) {
    const at = event[stage];
    if (at === null || at === undefined || event.speech_end === null) continue;
    parts.push({ stage, name, from: before - event.speech_end, ms: Math.max(0, at - before) });
    before = Math.max(before, at);
  }
  const total = event.first_rtp === null || event.first_rtp === undefined || event.speech_end === null ? null : event.first_rtp - event.speech_end;
  return { event, parts, total, end: parts.length ? parts[parts.length - 1].from + parts[parts.length - 1].ms : 0 };
}

function row({ event, parts, total }, longest, zero) {
  const by = [event.ears, event.mind, event.mouth].filter(Boolean).join(" · ");
  const told = parts.map((part) => `${part.name} ${span(part.ms)}`).join(", ");
  return h("li.fall", { title: `${told}${by ? `\n${by}` : ""}` },
    h("span.soft", offset(Math.max(0, (event.speech_end ?? event.t) - zero))),
    h("div.bars", { role: "img", "aria-label": `Turn ${event.turn}: ${told || words(event.outcome)}` },
      parts.map((part) => h("span", { class: part.stage, style: { left: `${(part.from / longest) * 100}%`, width: `${(part.ms / longest) * 100}%` } }))),
    h("strong", total === null ? "" : span(total)),
    event.outcome === "answered" ? null : h("span.badge.warn", event.outcome));
}

function legend() {
  return h("span.legend", STAGES.map(([stage, name]) => h("span", h("i", { class: stage }), name)));
}
