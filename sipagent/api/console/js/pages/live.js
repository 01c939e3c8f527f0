// Live calls: a row each, which changes as the call does.

import { say } from "../announce.js";
import { fill, h, icon, write } from "../dom.js";
import { feed } from "../feed.js";
import { duration, party, plural } from "../format.js";
import { post, serverNow } from "../http.js";
import { bind, dialog } from "../keys.js";
import { badges } from "../parts/badges.js";
import { field } from "../parts/forms.js";
import { session } from "../session.js";

export function livePage({ main, signal, title }) {
  title("Live calls");
  const count = h("span.soft");
  const body = h("tbody", { role: "rowgroup" });
  const table = h("div.card", h("table.cards", { role: "table", "aria-label": "Live calls" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      ["Caller", "Plan", "With", "State", "Duration", "Last words"].map((name) =>
        h("th", { role: "columnheader", scope: "col", class: name === "Duration" ? "right" : "" }, name)))),
    body));
  const empty = h("div.card.empty");
  fill(main, h("div.bar", h("h1", "Live calls"), count, callOut()), table, empty);
  const rows = new Map();

  function draw() {
    const calls = feed.list();
    const seen = new Set(calls.map((call) => call.call_id));
    for (const [id, row] of rows) {
      if (seen.has(id)) continue;
      row.node.remove();
      rows.delete(id);
    }
    for (const call of calls) {
      if (!rows.has(call.call_id)) {
        const made = liveRow(call.call_id);
        rows.set(call.call_id, made);
        body.append(made.node);
      }
      rows.get(call.call_id).show(call);
    }
    write(count, calls.length ? plural(feed.count, "call") : "");
    table.hidden = !calls.length;
    empty.hidden = Boolean(calls.length);
    fill(empty, h("strong", feed.state === "open" ? "No call at the moment" : "Waiting for the server…"),
      "Calls appear here as they come in", session.may("webrtc:call") ? [", or ", h("a", { href: "#/phone" }, "call a plan from this browser"), "."] : ".");
  }
  const tick = setInterval(() => {
    for (const call of feed.list()) rows.get(call.call_id)?.tick(call);
  }, 1000);
  feed.addEventListener("calls", draw, { signal });
  feed.addEventListener("state", draw, { signal });
  feed.addEventListener("event", ({ detail: event }) => {
    if (event.type === "call_started") say(`New call from ${party(event.caller)}`, "started");
    if (event.type === "call_ended") say(`Call from ${party(feed.calls.get(event.call_id)?.caller)} ended`, "ended");
  }, { signal });
  const unbind = [
    bind("j", "Next call", () => move(body, 1), "Lists"),
    bind("k", "Call before", () => move(body, -1), "Lists"),
  ];
  signal.addEventListener("abort", () => {
    clearInterval(tick);
    for (const each of unbind) each();
  });
  draw();
}

/** Focus the link of the next row, or of the one before. */
export function move(body, by) {
  const links = [...body.querySelectorAll("tr > th a")];
  const at = links.indexOf(document.activeElement);
  const next = links[Math.max(0, Math.min(links.length - 1, at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by))];
  next?.focus();
}

function liveRow(id) {
  const name = h("a", { href: `#/calls/${encodeURIComponent(id)}` });
  const callee = h("span.second");
  const arrow = h("span.soft", { style: { "margin-right": "6px", display: "inline-flex", "vertical-align": "-4px" } });
  const plan = h("td.c-meta", { role: "cell" });
  const other = h("td.c-meta", { role: "cell" });
  const state = h("td.c-end", { role: "cell" });
  const clock = h("td.c-clock.right.nowrap", { role: "cell" });
  const words = h("td.c-wide.said", { role: "cell" });
  const node = h("tr.opens", { role: "row", on: { click: (event) => { if (!event.target.closest("a")) name.click(); } } },
    h("th", { role: "rowheader", scope: "row" }, arrow, name, callee), plan, other, state, clock, words);
  let drawn = "";

  function show(call) {
    const key = JSON.stringify({ ...call, last_event: 0 });
    if (key === drawn) return;
    drawn = key;
    fill(arrow, icon(call.direction === "outbound" ? "out" : "in"), h("span.unseen", call.direction === "outbound" ? "Outbound to " : "Inbound from "));
    const [far, near] = call.direction === "outbound" ? [call.callee, call.caller] : [call.caller, call.callee];
    write(name, party(far));
    name.title = far;
    write(callee, call.direction === "outbound" ? `from ${party(near)}` : `to ${party(near)}`);
    write(plan, call.plan);
    write(other, call.connected_to ? party(call.connected_to) : call.agent);
    fill(state, h("span.badges", badges(call)));
    said(words, call);
    tick(call);
  }
  function tick(call) {
    if (!call.started) return;
    const until = call.ended ? Date.parse(call.ended) : serverNow();
    write(clock, duration((until - Date.parse(call.started)) / 1000));
  }
  return { node, show, tick };
}

function said(cell, call) {
  const now = call.interim || (call.last_words ? { speaker: call.last_speaker, text: call.last_words } : null);
  if (!now) return fill(cell);
  return fill(cell, h("span.who", { class: `of-${now.speaker}` }, now.speaker), h("span.words", { class: call.interim ? "interim" : "", title: now.text }, now.text));
}

function callOut() {
  if (!session.may("calls:originate")) return null;
  return h("button.push", { type: "button", on: { click: open } }, "Call out…");

  function open() {
    const to = field("Number, phone or SIP URI", "to", { required: true, placeholder: "+44 20 7946 0000" });
    const plan = field("Plan", "plan", { placeholder: "may be left out where there is one" });
    const agent = field("Agent, in place of its main section", "agent");
    const note = h("p.notice.bad", { role: "alert", hidden: true });
    const button = h("button.main", { type: "submit" }, "Call");
    const form = h("form.stack", { on: { submit } }, to.node, plan.node, agent.node, note, h("div.row", button));
    const box = dialog("Call out", [form]);
    to.input.focus();

    async function submit(event) {
      event.preventDefault();
      button.disabled = true;
      try {
        const call = await post("/v1/calls", { to: to.input.value, plan: plan.input.value, agent: agent.input.value });
        box.close();
        location.hash = `#/calls/${encodeURIComponent(call.call_id)}`;
      } catch (problem) {
        note.hidden = false;
        note.textContent = problem.message;
        button.disabled = false;
      }
    }
  }
}
