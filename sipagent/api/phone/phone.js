// Phone: calls of a web page by this server. No dependencies, no looks; docs/webrtc.md.
//
//   const phone = new Phone({base: "https://pbx.example:8080", token});
//   phone.onstate = (state, why) => ...;    // idle calling ringing up held ended
//   await phone.call("100"); phone.press("5"); phone.mute(true); await phone.hangup();

const CHANNEL = "sipagent";
const GATHERING = 2000; // ms: what was not found by then is not waited for
const LOST = 8000; // ms without a way to the server after which a call is over
const SILENCE = 40_000; // ms: a stream says something every 15 s
const LISTEN_AGAIN = [500, 1000, 2000, 5000];

/** What the server, or the browser, said no to: `status` as HTTP has it, 0 where none came. */
export class PhoneError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.name = "PhoneError";
    this.status = status;
  }
}

export class Phone {
  #base;
  #token;
  #call = null;
  #muted = false;
  #listening = new Map();

  /** `base` is where the server is (default: where the page came from), `token` may make calls. */
  constructor({ base = "", token }) {
    this.#base = base.replace(/\/$/, "");
    this.#token = token;
    this.state = "idle";
    this.callId = "";
    /** Called with each state; with `ended` also {status, reason}. */
    this.onstate = () => {};
    /** Called with each event of the call that the token may see. */
    this.onevent = () => {};
    /** Called with keys that the other side sends. */
    this.ondigits = () => {};
    /** Called with {ring, caller} when somebody calls a name that is listened for. */
    this.onring = () => {};
    /** Called with {ring, reason} when that is over, answered or not. */
    this.onringover = () => {};
    /** Called with (name, true) once that can be called, and (name, false, why) when it cannot. */
    this.onlisten = () => {};
    /** Where the other side is heard; any <audio> may take its place. */
    this.audio = new Audio();
    this.audio.autoplay = true;
    addEventListener("pagehide", () => this.#leave());
  }

  /** Call a number; returns once the server has taken the call. Throws PhoneError. */
  call(to) {
    return this.#begin({ to });
  }

  /** Answer a ring that `onring` told of. Throws PhoneError. */
  answer(ring) {
    return this.#begin({ ring });
  }

  /** Let the caller know that this page does not want it. */
  async decline(ring) {
    await this.#ask(`/v1/webrtc/rings/${encodeURIComponent(ring)}`, { method: "DELETE" });
  }

  /** End the call, whatever it is doing. */
  async hangup() {
    const call = this.#call;
    if (call === null) return;
    const told = this.#end(call, 200, "");
    if (call.location && !told) {
      await this.#ask(call.location, { method: "DELETE", keepalive: true }).catch(() => {});
    }
  }

  /** Send keys: 0-9 * # A-D. */
  press(keys) {
    return this.#say({ type: "digits", digits: String(keys) });
  }

  /** Send a text to whoever listens to this call. */
  text(text) {
    return this.#say({ type: "text", text: String(text) });
  }

  /** Be heard, or not. */
  mute(muted) {
    this.#muted = muted;
    for (const track of this.#call?.microphone?.getTracks() ?? []) track.enabled = !muted;
  }

  get muted() {
    return this.#muted;
  }

  /** What is said into, while a call lasts: for a meter; null else. */
  get microphone() {
    return this.#call?.microphone ?? null;
  }

  /** Be reachable as web:NAME until the function that is returned is called. */
  listen(name) {
    this.#listening.get(name)?.abort();
    const control = new AbortController();
    this.#listening.set(name, control);
    this.#follow(name, control.signal);
    return () => control.abort();
  }

  async #begin(query) {
    if (this.#call !== null) throw new PhoneError("there is a call already");
    const call = (this.#call = { location: "", lost: 0 });
    this.#become("calling");
    try {
      const settings = await (await this.#ask("/v1/webrtc")).json();
      call.microphone = await microphone();
      if (this.#call !== call) throw new PhoneError("hung up");
      this.mute(this.#muted);
      const offer = await this.#offer(call, settings.ice_servers);
      if (this.#call !== call) throw new PhoneError("hung up");
      const response = await this.#ask(`/v1/webrtc?${new URLSearchParams(query)}`, {
        method: "POST",
        headers: { "content-type": "application/sdp" },
        body: offer,
      });
      call.location = response.headers.get("location");
      this.callId = response.headers.get("sipagent-call") ?? "";
      const sdp = await response.text();
      if (this.#call !== call) {
        await this.#ask(call.location, { method: "DELETE" }).catch(() => {});
        throw new PhoneError("hung up");
      }
      await call.pc.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      this.#end(call, error.status ?? 0, error.message);
      throw error;
    }
  }

  /** An offer with all its candidates: there is one answer, and no word after it. */
  async #offer(call, iceServers) {
    const pc = (call.pc = new RTCPeerConnection({ iceServers: iceServers.map(plain) }));
    call.channel = pc.createDataChannel(CHANNEL);
    call.channel.onmessage = ({ data }) => this.#told(call, JSON.parse(data));
    for (const track of call.microphone.getTracks()) pc.addTrack(track, call.microphone);
    pc.ontrack = ({ streams, track }) => {
      this.audio.srcObject = streams[0] ?? new MediaStream([track]);
      this.audio.play().catch(() => {});
    };
    pc.onconnectionstatechange = () => this.#connection(call);
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    return pc.localDescription.sdp;
  }

  #connection(call) {
    clearTimeout(call.lost);
    const state = call.pc.connectionState;
    if (state === "failed") this.#end(call, 408, "the way to the server is lost");
    if (state === "closed") this.#end(call, 200, "");
    if (state === "disconnected") {
      call.lost = setTimeout(() => this.#end(call, 408, "the server is gone"), LOST);
    }
  }

  #told(call, message) {
    if (this.#call !== call) return;
    if (message.type === "event") this.onevent(message.event);
    else if (message.type === "digits") this.ondigits(message.digits);
    else if (message.type === "state" && message.state === "ended") {
      this.#end(call, message.status, message.reason);
    } else if (message.type === "state") this.#become(message.state);
  }

  #say(message) {
    const channel = this.#call?.channel;
    if (channel?.readyState !== "open") return false;
    channel.send(JSON.stringify(message));
    return true;
  }

  /** True where the other side was told. */
  #end(call, status, reason) {
    if (this.#call !== call) return false;
    const told = this.#say({ type: "hangup" });
    this.#call = null;
    clearTimeout(call.lost);
    for (const track of call.microphone?.getTracks() ?? []) track.stop();
    // a moment for the last word: the data channel closes with the connection
    if (call.pc) setTimeout(() => call.pc.close(), 100);
    this.audio.srcObject = null;
    this.#become("ended", { status, reason });
    return told;
  }

  #leave() {
    for (const control of this.#listening.values()) control.abort();
    const call = this.#call;
    if (call === null) return;
    if (call.location) this.#ask(call.location, { method: "DELETE", keepalive: true }).catch(() => {});
    call.pc?.close();
  }

  #become(state, details) {
    if (this.state === state && state !== "ended") return;
    this.state = state;
    this.onstate(state, details);
  }

  async #follow(name, signal) {
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        const path = `/v1/webrtc/listen?${new URLSearchParams({ name })}`;
        const line = new Line(signal, () => this.onlisten(name, true));
        const response = await this.#ask(path, { signal: line.signal });
        for await (const { type, data } of items(response, line)) {
          tries = 0;
          if (type === "ring") this.onring(data);
          else if (type === "over") this.onringover(data);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.onlisten(name, false, error.message);
        // what the server refuses, it refuses again
        if ([401, 403, 404, 422].includes(error.status)) return;
      }
      await new Promise((go) => setTimeout(go, LISTEN_AGAIN[Math.min(tries, LISTEN_AGAIN.length - 1)]));
    }
  }

  async #ask(path, options = {}) {
    const headers = { ...options.headers, authorization: `Bearer ${this.#token}` };
    let response;
    try {
      response = await fetch(this.#base + path, { ...options, headers });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new PhoneError("the server cannot be reached");
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new PhoneError(problem.detail ?? `the server answered ${response.status}`, response.status);
  }
}

async function microphone() {
  if (!navigator.mediaDevices) throw new PhoneError("a microphone needs https, or localhost");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    throw new PhoneError(`no microphone: ${error.message}`);
  }
}

function plain({ urls, username, credential }) {
  return username ? { urls, username, credential } : { urls };
}

function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    const late = setTimeout(done, GATHERING);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(late);
      done();
    });
  });
}

/** A stream that is given up where nothing comes any more, or nobody wants it. */
class Line {
  #control = new AbortController();
  #dead = 0;
  #begun;

  /** `begun` is called with the first word. */
  constructor(wanted, begun) {
    this.signal = this.#control.signal;
    this.#begun = begun;
    wanted.addEventListener("abort", () => this.#control.abort(), { once: true });
    this.#wait();
  }

  alive() {
    this.#begun?.();
    this.#begun = null;
    this.#wait();
  }

  #wait() {
    clearTimeout(this.#dead);
    this.#dead = setTimeout(() => this.#control.abort(), SILENCE);
  }

  over() {
    clearTimeout(this.#dead);
  }
}

async function* items(response, line) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return line.over();
    line.alive();
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const fields = {};
      for (const line of block.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
      }
      if (fields.data) yield { type: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
