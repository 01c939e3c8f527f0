// The browser phone: call a plan from here, hear it, and read what is said.

import { say } from "../announce.js";
import { fill, h, write } from "../dom.js";
import { feed } from "../feed.js";
import { bind } from "../keys.js";
import { field } from "../parts/forms.js";
import { line } from "../parts/line.js";
import { meter } from "../parts/meter.js";
import { transcript } from "../parts/transcript.js";
import { session } from "../session.js";
import { Story } from "../story.js";

const PAD = [["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"], ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""]];
const STATES = { idle: "Ready", calling: "Calling…", ringing: "Ringing…", up: "Connected", held: "On hold", ended: "The call is over" };

export function phonePage({ main, signal, title }) {
  title("Browser phone");
  const to = field("Number", "to", { inputmode: "tel", placeholder: "100", value: localStorage.getItem("sipagent.dialled") || "" });
  const state = h("span.badge", { role: "status" });
  const note = h("p.notice.bad", { role: "alert", hidden: true });
  const call = h("button.main", { type: "submit" }, "Call");
  const end = h("button.danger", { type: "button", on: { click: () => line.hangup() } }, "Hang up");
  const mute = h("button", { type: "button", on: { click: () => line.mute(!line.muted) } }, "Mute");
  const meters = [meter("You"), meter("The other side")];
  const reach = h("input", { type: "checkbox", id: "reach", on: { change: reachable } });
  const open = h("a.button", { hidden: true }, "Open this call");
  const talk = transcript();
  talk.node.setAttribute("aria-live", "polite");
  const hint = h("p.soft.in", "What you and the agent say appears here.");
  let story = new Story("");

  const form = h("form.stack", { on: { submit: dial } },
    h("div.pair", to.node, call), note,
    h("div.row", state, h("span.push"), mute, end),
    h("div.dialpad", { role: "group", "aria-label": "Keys" }, PAD.map(([key, letters]) =>
      h("button", { type: "button", "aria-label": key === "*" ? "star" : key === "#" ? "hash" : key, on: { click: () => press(key) } }, key, h("small", letters)))),
    meters.map(({ node }) => node));
  fill(main, h("div.bar", h("h1", "Browser phone")), h("div.phonegrid",
    h("div.stack", h("section.card", { "aria-label": "Phone" }, h("div.in", form)),
      h("section.card", h("div.in.stack", h("p.row", reach, h("label", { for: "reach", style: { margin: "0" } }, "Ring this browser")),
        h("p.soft.small", "While this is on, a plan, an agent or a colleague reaches you as ", h("code", line.address), ".")))),
    h("section.card", { "aria-label": "Captions" }, h("header", h("h2", "Captions"), h("span.push"), open), hint, talk.node)));

  async function dial(event) {
    event.preventDefault();
    const number = to.input.value.trim();
    if (!number) return to.input.focus();
    localStorage.setItem("sipagent.dialled", number);
    note.hidden = true;
    story = new Story("");
    talk.clear();
    try {
      await line.call(number);
    } catch (error) {
      note.hidden = false;
      note.textContent = error.message;
    }
    return show();
  }
  function press(key) {
    if (line.busy) line.press(key);
    else {
      to.input.value += key;
      to.input.focus();
    }
  }
  async function reachable() {
    try {
      if (reach.checked) await line.listen();
      else line.unlisten();
    } catch (error) {
      reach.checked = false;
      note.hidden = false;
      note.textContent = error.message;
    }
  }
  function show() {
    const why = line.state === "ended" && line.why ? `: ${line.why}` : "";
    if (state.textContent !== STATES[line.state] + why) write(state, STATES[line.state] + why);
    state.className = `badge ${line.state === "up" ? "good" : line.busy ? "warn" : ""}`;
    call.disabled = line.busy;
    end.disabled = !line.busy;
    mute.disabled = !line.busy;
    mute.setAttribute("aria-pressed", String(line.muted));
    write(mute, line.muted ? "Unmute" : "Mute");
    reach.checked = line.listening;
    const { heard, said } = line.streams;
    meters[0].listen(line.busy ? said : null);
    meters[1].listen(line.busy ? heard : null);
    open.hidden = !line.callId || !session.may("calls:read");
    if (line.callId) open.href = `#/calls/${encodeURIComponent(line.callId)}`;
  }
  function take(event) {
    hint.hidden = true;
    if (event.type === "interim") return talk.interim(event.speaker, event.text);
    const item = story.take(event);
    return item ? talk.add(item) : undefined;
  }
  line.addEventListener("state", () => { show(); say(STATES[line.state], "phone"); }, { signal });
  line.addEventListener("event", ({ detail }) => take(detail), { signal });
  feed.addEventListener("event", ({ detail: event }) => {
    if (event.type === "interim" && line.busy && event.call_id === line.callId) take(event);
  }, { signal });
  const timer = setInterval(show, 500);
  const unbind = bind("m", "Mute, or be heard", () => line.busy && line.mute(!line.muted), "Browser phone");
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    unbind();
    for (const each of meters) each.listen(null);
  });
  show();
}
