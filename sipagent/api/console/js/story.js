// The story of one call: its events sorted into what a page shows. No drawing here.

import { blank, change } from "./calls.js";
import { party, span, words } from "./format.js";

export class Story {
  constructor(id) {
    this.call = blank(id);
    this.events = [];
    this.turns = [];
    this.sip = [];
    this.audit = [];
    this.recordings = new Map();
    this.media = [];
    this.reason = "";
    this.tools = new Map();
  }

  /** Take an event. Returns what it adds to the conversation: a line, a deed, or null. */
  take(event) {
    change(this.call, event);
    if (event.type !== "interim") this.events.push(event);
    switch (event.type) {
      case "turn_latency": this.turns.push(event); break;
      case "sip_message": this.sip.push(event); break;
      case "leg_media": this.media.push(event); break;
      case "recording_started": this.recordings.set(event.control_id, { name: file(event.path), t: event.t, done: false }); break;
      case "recording_stopped": {
        const begun = this.recordings.get(event.control_id);
        this.recordings.set(event.control_id, { name: file(event.path), t: begun ? begun.t : 0, ms: event.duration_ms, done: true });
        break;
      }
      default:
    }
    this.#audited(event);
    if (event.type === "said") return event.text || event.unheard ? { kind: "line", t: event.start, event } : null;
    const deed = deedOf(event);
    return deed ? { kind: "deed", t: event.t, event, ...deed } : null;
  }

  #audited(event) {
    switch (event.type) {
      case "tool_called": {
        const entry = { t: event.t, by: "model", what: event.tool, detail: data(event.arguments), ok: null, result: "" };
        this.tools.set(event.id, entry);
        this.audit.push(entry);
        break;
      }
      case "tool_returned": {
        const entry = this.tools.get(event.id);
        if (entry) Object.assign(entry, { ok: event.ok, result: event.result, ms: event.ms });
        break;
      }
      case "policy_decided":
        this.audit.push({ t: event.t, by: event.by, what: event.verb, policy: event.allowed, detail: event.reason, confirmed: event.confirmed });
        break;
      case "outside_asked":
        this.audit.push({ t: event.t, by: event.by, what: event.verb, asked: true, detail: `${data(event.arguments)}${event.origin ? ` from ${event.origin}` : ""}` });
        break;
      case "verb_done":
        this.audit.push({ t: event.t, by: event.by, what: event.verb, ok: event.ok, result: event.detail, status: event.status });
        break;
      default:
    }
  }
}

function file(path) {
  return path.split("/").pop();
}

/** JSON as a person types it. */
export function data(value) {
  const entries = Object.entries(value || {});
  return entries.map(([key, each]) => `${key}: ${typeof each === "string" ? each : JSON.stringify(each)}`).join(", ");
}

/** An event as a short remark in the conversation: `{tone, label, text}`. */
function deedOf(event) {
  const make = DEEDS[event.type];
  return make ? make(event) : null;
}

const remark = (label, text, tone = "") => ({ label, text, tone });

const DEEDS = {
  call_started: (e) => remark("call", `${e.direction} from ${party(e.caller)} to ${party(e.callee)}${e.plan ? `, plan ${e.plan}` : ""}`),
  call_ended: (e) => remark("end", `${e.reason} (${e.status}), by the ${e.by}`, e.status >= 300 ? "bad" : ""),
  leg_changed: leg,
  leg_held: (e) => remark("hold", `${e.role}'s phone ${e.on_hold ? "put us on hold" : "took us back"}`),
  hold_changed: (e) => remark("hold", e.held ? "the caller is on hold" : "the caller is back", e.held ? "warn" : ""),
  tool_called: (e) => remark("tool", `${e.tool}(${data(e.arguments)})`, "accent"),
  tool_returned: (e) => remark("tool", `${e.tool} → ${e.result || (e.ok ? "done" : "failed")} · ${span(e.ms)}`, e.ok ? "good" : "bad"),
  policy_decided: (e) => e.allowed
    ? (e.confirmed ? remark("policy", `${words(e.verb)} allowed by the caller's own yes`, "good") : null)
    : remark("policy", `${words(e.verb)} denied to ${e.by}: ${e.reason}`, "bad"),
  verb_done: verb,
  barge_in: (e) => e.decision === "paused" ? null : remark("barge-in", `${e.decision}: ${e.evidence}`, e.decision === "stopped" ? "warn" : ""),
  digit_received: (e) => remark("key", e.hidden ? "a key, kept private" : e.digit),
  agent_changed: (e) => remark("agent", `${e.before} hands over to ${e.agent}`, "accent"),
  step_changed: (e) => remark("step", `${e.context}.${e.step} (by the ${e.by})`),
  gathered: (e) => remark("answer", `${e.key}: ${e.value}`, "good"),
  machine_detected: (e) => remark("who", `${e.result}: ${e.evidence}`),
  provider_failed: (e) => remark("trouble", `${e.role} ${e.provider}: ${e.cause}; then ${e.then}${e.next ? ` ${e.next}` : ""}`, "bad"),
  limit_reached: (e) => remark("limit", `${e.limit}: ${e.value} of ${e.bound}`, "warn"),
  warned: (e) => remark("look", `${words(e.code)}: ${e.detail}`, "warn"),
  recording_started: () => remark("recording", "begins"),
  recording_stopped: (e) => remark("recording", `ends after ${span(e.duration_ms)}`),
  recording_paused: (e) => remark("recording", e.paused ? "keeps nothing" : "goes on", "warn"),
  secure_entry: (e) => remark("private", e.change === "began" ? `the caller types the ${e.secret}` : `${words(e.result)}: ${e.keys} keys`, "warn"),
  consent_changed: (e) => remark("consent", `${e.consent} by ${e.how}`, e.consent === "given" ? "good" : "warn"),
  language_changed: (e) => remark("language", `${e.language} ${e.voice}`.trim()),
  message_received: (e) => remark("text", `${party(e.sender)}: ${e.text}`),
  meeting_changed: (e) => remark(e.place, `${e.name}: ${words(e.change)} ${e.other ? party(e.other) : ""} ${e.detail}`.trim()),
  transcribed: (e) => remark("heard", `${e.role}: ${e.text}`),
  summarised: (e) => e.ok ? remark("summary", [e.text, data(e.data)].filter(Boolean).join(" · "), "accent") : remark("summary", e.error, "bad"),
  reported: (e) => e.ok ? null : remark("report", `${e.report} to ${e.url}: ${e.error}`, "bad"),
  mcp_server_changed: (e) => ["failed", "lost", "refused"].includes(e.state) ? remark("mcp", `${e.server} ${e.state}: ${e.detail}`, "bad") : null,
  drive_changed: (e) => remark("driver", `${e.change} ${e.context} ${e.by} ${e.reason}`.trim()),
};

function leg(e) {
  if (e.state === "disconnected") {
    const why = e.status >= 300 ? `${e.status} ${e.reason}` : e.reason;
    return e.role === "callee" ? remark("leg", `${party(e.remote)} left${why ? `: ${why}` : ""}`, e.status >= 300 ? "bad" : "") : null;
  }
  if (e.role !== "callee") return null;
  if (e.state === "confirmed") return remark("leg", `${party(e.remote)} answered`, "good");
  return e.state === "early" || e.state === "calling" ? remark("leg", `${party(e.remote)} ${e.state === "early" ? "rings" : "is called"}`) : null;
}

const QUIET = new Set(["ai", "answer", "set", "play", "say", "record_call", "stop_record_call"]);

function verb(e) {
  if (e.ok && QUIET.has(e.verb) && !e.by.includes(":")) return null;
  return remark(words(e.verb), `${e.detail || (e.ok ? "done" : "failed")}${e.status ? ` (${e.status})` : ""} · by ${e.by}`, e.ok ? "good" : "bad");
}
