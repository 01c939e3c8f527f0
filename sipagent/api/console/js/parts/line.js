// This browser as a phone: one line for all pages, which can call and be rung.

import { session } from "../session.js";

//: ms after a take-over in which a ring is answered by itself: it was asked for
const EXPECTED = 20_000;

/** Events: "state" (a call moved), "event" (detail: a call's event), "ring" (detail, or null when over). */
class Line extends EventTarget {
  #phone = null;
  #expecting = 0;
  #stop = null;
  state = "idle";
  why = "";
  other = "";
  ring = null;

  get name() {
    return session.me.name;
  }

  /** Where a transfer reaches this browser. */
  get address() {
    return `web:${this.name}`;
  }

  get busy() {
    return !["idle", "ended"].includes(this.state);
  }

  get listening() {
    return Boolean(this.#stop);
  }

  get callId() {
    return this.#phone?.callId || "";
  }

  get muted() {
    return Boolean(this.#phone?.muted);
  }

  /** What is heard and what is said, as streams, for meters; null where there is none. */
  get streams() {
    return { heard: this.#phone?.audio.srcObject || null, said: this.#phone?.microphone || null };
  }

  /** Call a number. Throws where the server or the browser does not let it. */
  async call(to) {
    await this.#made();
    this.other = to;
    await this.#phone.call(to);
  }

  async answer() {
    if (!this.ring) return;
    this.other = this.ring.caller;
    await this.#phone.answer(this.ring.ring);
    this.#rings(null);
  }

  async decline() {
    if (this.ring) await this.#phone.decline(this.ring.ring);
    this.#rings(null);
  }

  hangup() {
    return this.#phone?.hangup();
  }

  press(key) {
    return this.#phone?.press(key);
  }

  mute(muted) {
    this.#phone?.mute(muted);
    this.#tell("state");
  }

  /** Be reachable as `address`; `expecting` answers the next ring at once. Throws. */
  async listen({ expecting = false } = {}) {
    await this.#made();
    this.#stop ||= this.#phone.listen(this.name);
    if (expecting) this.#expecting = Date.now() + EXPECTED;
    this.#tell("state");
  }

  unlisten() {
    this.#stop?.();
    this.#stop = null;
    this.#tell("state");
  }

  /** Signed out: nothing goes on. */
  close() {
    this.unlisten();
    this.hangup();
    this.#phone = null;
    this.state = "idle";
  }

  async #made() {
    if (this.#phone) return;
    let module;
    try {
      module = await import("/phone/phone.js");
    } catch {
      throw new Error("This server has no browser phone: set webrtc in sipagent.yaml.");
    }
    this.#phone = new module.Phone({ base: location.origin, token: session.token });
    this.#phone.onstate = (state, details) => {
      this.state = state;
      this.why = state === "ended" ? details?.reason || "" : "";
      this.#tell("state");
    };
    this.#phone.onevent = (event) => this.dispatchEvent(new CustomEvent("event", { detail: event }));
    this.#phone.onring = (ring) => this.#rings(ring);
    this.#phone.onringover = ({ ring }) => { if (this.ring?.ring === ring) this.#rings(null); };
  }

  #rings(ring) {
    this.ring = ring;
    if (ring && Date.now() < this.#expecting && !this.busy) {
      this.#expecting = 0;
      this.answer().catch((error) => { this.why = error.message; this.#tell("state"); });
      return;
    }
    this.#tell("ring");
  }

  #tell(kind) {
    this.dispatchEvent(new Event(kind));
  }
}

export const line = new Line();
