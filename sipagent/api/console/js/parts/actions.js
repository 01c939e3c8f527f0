// What somebody can do to a live call, each with how it came out, as the server tells it.

import { alarm, say } from "../announce.js";
import { fill, h } from "../dom.js";
import { words } from "../format.js";
import { post } from "../http.js";
import { bind, dialog } from "../keys.js";
import { session } from "../session.js";
import { field } from "./forms.js";
import { line as phoneLine } from "./line.js";

//: outcomes that stay in sight
const KEPT = 20;

/** The card; `call()` is how the call stands. */
export function actions(id, call, signal) {
  const log = h("ol.outcomes", { role: "log", "aria-label": "What you did, and how it came out" });
  const base = `/v1/calls/${encodeURIComponent(id)}/verbs/`;
  const controls = [];

  /** Run a verb; whether it came out well. */
  async function act(verb, args, shown = words(verb)) {
    const stop = new AbortController();
    const said = h("span.soft", " under way…");
    const cancel = h("button.plain", { type: "button", on: { click: () => stop.abort() } }, "Stop");
    const row = h("li", h("strong", shown), said, cancel);
    log.prepend(row);
    while (log.children.length > KEPT) log.lastChild.remove();
    try {
      const outcome = await post(base + verb, args, { signal: stop.signal });
      settle(row, shown, outcome.ok, outcome.detail || (outcome.ok ? "done" : "failed"), outcome.status);
      return outcome.ok;
    } catch (problem) {
      settle(row, shown, false, problem.name === "AbortError" ? "stopped by you" : problem.message, problem.status);
      return false;
    }
  }

  function settle(row, shown, ok, detail, status) {
    row.className = ok ? "good" : "bad";
    const code = status && status !== 200 ? ` (${status})` : "";
    fill(row, h("strong", shown), h("span.badge", { class: ok ? "good" : "bad" }, ok ? "Done" : "Failed"), h("span.told", `${detail}${code}`));
    (ok ? say : alarm)(`${shown}: ${detail}`);
  }

  /** A button of a verb; what the token may not do is greyed, and says so. */
  function button(verb, name, press, kind = "") {
    const may = session.mayDo(verb);
    const node = h("button", { type: "button", class: kind, disabled: !may, title: may ? "" : `The token ${session.me.name} may not ${words(verb)}`, on: { click: press } }, name);
    node.dataset.may = may ? "1" : "";
    controls.push(node);
    return node;
  }

  const toggles = toggleRow(button, act, call);
  const body = h("div.in.stack",
    session.may("calls:control") ? null : h("p.notice", `The token ${session.me.name} may look on, not act.`),
    toggles.node,
    log,
    speaking(button, act),
    transferring(button, act),
    keypad(button, act));
  const node = h("section.card", { "aria-label": "Actions" }, h("header", h("h2", "Act on this call")), body);
  const unbind = [
    bind("t", "Transfer or take over", () => body.querySelector("[name=to]")?.focus(), "This call"),
    bind("w", "Say or whisper", () => body.querySelector("textarea")?.focus(), "This call"),
    bind("h", "Hold, or take back", () => toggles.hold(), "This call"),
    bind("x", "Hang up", () => toggles.hangup(), "This call"),
  ];
  signal.addEventListener("abort", () => unbind.forEach((each) => each()));

  /** The call is over: what was done stays to be read. */
  function close() {
    for (const each of unbind) each();
    for (const each of controls) each.disabled = true;
    // who was about to press something finds it gone, not something else in its place
    if (node.contains(document.activeElement)) document.getElementById("main").focus({ preventScroll: true });
    if (!log.children.length) return node.remove();
    fill(node, h("header", h("h2", "What you did")), h("div.in", log));
    return undefined;
  }
  return { node, show: () => toggles.show(), close };
}

function speaking(button, act) {
  const text = field("Words", "text", { tag: "textarea", rows: "2", placeholder: "What is to be said, or what the agent should know" });
  async function send(verb, args, shown) {
    if (!text.input.value.trim()) return text.input.focus();
    const words = text.input.value.trim();
    if (await act(verb, { text: words, ...args }, shown)) text.input.value = "";
    return undefined;
  }
  return h("fieldset", h("legend", "Speak"), text.node, h("div.row.tight",
    button("tell", "Whisper to agent", () => send("tell", { role: "system" }, "Whisper")),
    button("say", "Say to caller", () => send("say", {}, "Say")),
    button("tell", "As the caller", () => send("tell", { role: "user" }, "As the caller"))));
}

function transferring(button, act) {
  const to = field("To a phone, number or SIP URI", "to", { placeholder: "sip:sales@pbx.example", value: localStorage.getItem("sipagent.takeover") || "" });
  const brief = field("Tell them first (optional)", "brief", { placeholder: "A caller with a question on umbrellas" });
  const here = button("transfer", "Take over here", takeOver, "main");
  async function go(target, shown) {
    const args = { to: target };
    if (brief.input.value.trim()) args.brief = brief.input.value.trim();
    await act("transfer", args, shown);
  }
  async function takeOver() {
    try {
      await phoneLine.listen({ expecting: true });
    } catch (error) {
      alarm(error.message);
      dialog("No phone in this browser", [h("p", error.message)]);
      return;
    }
    await go(phoneLine.address, "Take over");
  }
  return h("fieldset", h("legend", "Take over or transfer"),
    h("div.stack", { style: { gap: "10px" } }, to.node, brief.node, h("div.row",
      button("transfer", "Transfer", () => {
        const target = to.input.value.trim();
        if (!target) return to.input.focus();
        localStorage.setItem("sipagent.takeover", target);
        return go(target, `Transfer to ${target}`);
      }),
      session.may("webrtc:call") ? here : null)));
}

function keypad(button, act) {
  const digits = field("Keys to send", "digits", { placeholder: "1234#", inputmode: "tel", pattern: "[0-9A-Da-d*#wW]*" });
  const to = field("To", "digits-to", { options: [["caller", "caller"], ["other", "other party"]] });
  return h("fieldset", h("legend", "Keys"), h("div.digits", digits.node, to.node,
    button("send_digits", "Send", async () => {
      if (!digits.input.value) return digits.input.focus();
      if (await act("send_digits", { digits: digits.input.value, to: to.input.value }, `Keys ${digits.input.value}`)) digits.input.value = "";
      return undefined;
    })));
}

function toggleRow(button, act, call) {
  let muted = false;
  const hold = button("hold", "Hold", () => act(call().on_hold ? "resume" : "hold", {}, call().on_hold ? "Resume" : "Hold"));
  const mute = button("mute", "Mute caller", async () => {
    if (await act(muted ? "unmute" : "mute", { who: "caller" }, muted ? "Unmute caller" : "Mute caller")) muted = !muted;
    show();
  });
  const record = button("record_call", "Record", () => act(call().recording ? "stop_record_call" : "record_call", {}, call().recording ? "Stop recording" : "Record"));
  const end = button("hangup", "Hang up", hangup, "danger");
  function hangup() {
    if (end.disabled) return;
    const yes = h("button.danger", { type: "button", on: { click: () => { box.close(); act("hangup", {}, "Hang up"); } } }, "Hang up");
    const no = h("button", { type: "button", on: { click: () => box.close() } }, "Keep the call");
    const box = dialog("Hang up on the caller?", [h("p.soft", "The call ends for everybody in it.")], [no, yes]);
    yes.focus();
  }
  function show() {
    for (const [node, on, off, now] of [[hold, "Resume", "Hold", call().on_hold], [mute, "Unmute caller", "Mute caller", muted], [record, "Stop recording", "Record", call().recording]]) {
      const name = now ? on : off;
      if (node.textContent !== name) node.textContent = name;
      node.classList.toggle("on", Boolean(now));
    }
  }
  return { node: h("div.row.tight", hold, mute, record, end), show, hold: () => hold.disabled || hold.click(), hangup };
}
