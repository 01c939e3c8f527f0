// The feed: every call that lives, kept by one event stream for all pages.

import { blank, change } from "./calls.js";
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
    change(call, event);
    if (event.type === "call_ended") {
      setTimeout(() => {
        if (this.calls.get(id)?.state === "ended") this.calls.delete(id);
        this.#changed(id);
      }, LINGERS);
    }
    this.#changed(id);
  }
}

export const feed = new Feed();
