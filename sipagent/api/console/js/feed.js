// The feed: every call that lives, kept by one event stream for all pages.

import { get } from "./http.js";
import { session } from "./session.js";
import { follow } from "./stream.js";

const TYPES = [
  "call_started", "leg_changed", "hold_changed", "recording_started", "recording_stopped", "step_started",
  "agent_changed", "said", "interim", "speech_started", "speech_ended", "call_ended",
].join(",");
//: an ended call stays in the list for that long, so that it is seen to end
const LINGERS = 6000;

/** Events: "calls" (some call changed: detail is its id, or null for all), "event", "state", "gap". */
class Feed extends EventTarget {
  calls = new Map();
  state = "connecting";
  why = "";
  #stop = null;
  #others = new Map();

  start() {
    this.stop();
    if (!session.may("calls:read")) {
      this.#moved("refused", "this token does not see calls");
      return;
    }
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    follow("/v1/events", {
      signal,
      types: TYPES,
      onItem: (event) => this.#happened(event),
      onGap: () => {
        this.dispatchEvent(new Event("gap"));
        this.#read(signal);
      },
      onState: (state, why) => {
        this.#moved(state, why);
        if (state === "open") this.#read(signal);
      },
    });
  }

  stop() {
    this.#stop?.abort();
    this.#stop = null;
    this.calls.clear();
    this.#others.clear();
  }

  /** Those that live, the oldest first. */
  list() {
    return [...this.calls.values()].sort((a, b) => String(a.started).localeCompare(String(b.started)));
  }

  get count() {
    return this.list().filter((call) => call.state !== "ended").length;
  }

  #moved(state, why = "") {
    this.state = state;
    this.why = why;
    this.dispatchEvent(new Event("state"));
  }

  async #read(signal) {
    try {
      const { calls } = await get("/v1/calls", { signal });
      const live = new Set(calls.map((call) => call.call_id));
      for (const id of this.calls.keys()) if (!live.has(id)) this.calls.delete(id);
      for (const call of calls) this.calls.set(call.call_id, { ...blank(call.call_id), ...this.calls.get(call.call_id), ...call });
      this.#changed(null);
    } catch {
      // the stream tells of the trouble, and comes back with another reading
    }
  }

  #changed(id) {
    this.dispatchEvent(new CustomEvent("calls", { detail: id }));
  }

  #happened(event) {
    const id = event.call_id;
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
    if (event.type === "call_started") this.calls.set(id, { ...blank(id), ...this.calls.get(id) });
    const call = this.calls.get(id);
    if (!call) return;
    Object.assign(call, changes(event, this.#party(event)));
    if (event.type === "call_ended") {
      setTimeout(() => {
        if (this.calls.get(id)?.state === "ended") this.calls.delete(id);
        this.#others.delete(id);
        this.#changed(id);
      }, LINGERS);
    }
    this.#changed(id);
  }

  /** Who the caller is with: the newest leg that is up. */
  #party(event) {
    if (event.type !== "leg_changed" || event.role !== "callee") return "";
    const legs = this.#others.get(event.call_id) || new Map();
    this.#others.set(event.call_id, legs);
    if (event.state === "confirmed") legs.set(event.leg, event.remote);
    if (event.state === "disconnected") legs.delete(event.leg);
    return [...legs.values()].pop() || "";
  }
}

function blank(id) {
  return {
    call_id: id, state: "ringing", direction: "inbound", caller: "", callee: "", plan: "", agent: "",
    connected_to: "", on_hold: false, recording: false, started: null, answered: null, ended: null,
    last_speaker: null, last_words: "", interim: null, speaking: "",
  };
}

/** What an event changes of how a call stands; the server folds its view in the same way. */
function changes(event, connected_to) {
  switch (event.type) {
    case "call_started": {
      const { direction, caller, callee, plan } = event;
      return { direction, caller, callee, plan, started: event.at };
    }
    case "leg_changed":
      if (event.role === "caller" && event.state === "confirmed") return { state: "up", answered: event.at };
      return event.role === "callee" ? { connected_to } : {};
    case "hold_changed": return { on_hold: event.held };
    case "recording_started": return { recording: true };
    case "recording_stopped": return { recording: false };
    case "step_started":
    case "agent_changed": return { agent: event.agent };
    case "interim": return { interim: { speaker: event.speaker, text: event.text } };
    case "said":
      return event.text ? { last_speaker: event.speaker, last_words: event.text, interim: null } : { interim: null };
    case "speech_started": return { speaking: event.speaker };
    case "speech_ended": return { speaking: "" };
    case "call_ended":
      return {
        state: "ended", ended: event.at, reason: event.reason, ended_by: event.by, status: event.status,
        recording: false, on_hold: false, interim: null, speaking: "",
      };
    default: return {};
  }
}

export const feed = new Feed();
