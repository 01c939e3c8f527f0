// A call's page: as it goes on, or as it went.

import { fill, h, write } from "../dom.js";
import { feed } from "../feed.js";
import { address, duration, party, span, when, words } from "../format.js";
import { ask, download, get, serverNow } from "../http.js";
import { bind } from "../keys.js";
import { actions } from "../parts/actions.js";
import { audit } from "../parts/audit.js";
import { badges } from "../parts/badges.js";
import { eventList } from "../parts/events.js";
import { tabs } from "../parts/forms.js";
import { ladder } from "../parts/ladder.js";
import { player } from "../parts/player.js";
import { transcript } from "../parts/transcript.js";
import { waterfall } from "../parts/waterfall.js";
import { Story } from "../story.js";
import { follow } from "../stream.js";

export function callPage(page) {
  new CallPage(page).open();
}

class CallPage {
  constructor({ main, signal, id, title, here }) {
    this.here = here;
    this.id = id;
    this.signal = signal;
    this.title = title;
    this.main = main;
    this.story = new Story(id);
    this.path = `/v1/calls/${encodeURIComponent(id)}`;
    this.talk = transcript();
    this.parts = { falls: waterfall(), audit: audit(), ladder: ladder(), events: eventList(), timeline: h("div.timeline") };
    this.dirty = false;
  }

  async open() {
    this.title("Call");
    try {
      const view = await get(this.path, { signal: this.signal });
      this.layout(view);
    } catch (problem) {
      if (this.signal.aborted) return;
      fill(this.main, h("div.bar", h("h1", "Call")), h("div.card.empty", h("strong", problem.message), h("a", { href: "#/calls" }, "Look for another call")));
      return;
    }
    follow(`${this.path}/events`, {
      signal: this.signal,
      after: 0,
      ends: "call_ended",
      onItem: (event) => this.take(event),
      onGap: () => {},
      onState: () => {},
    });
    const now = feed.calls.get(this.id)?.interim;
    if (now) this.talk.interim(now.speaker, now.text);
    feed.addEventListener("event", ({ detail: event }) => {
      if (event.type === "interim" && event.call_id === this.id) this.talk.interim(event.speaker, event.text);
    }, { signal: this.signal });
    const tick = setInterval(() => this.tick(), 1000);
    this.signal.addEventListener("abort", () => clearInterval(tick));
  }

  layout(view) {
    this.live = view.state !== "ended";
    this.here(this.live ? "live" : "calls");
    this.talk.stay(this.live);
    this.heading = h("h1");
    this.badges = h("span.row");
    this.facts = h("dl.figures.flow");
    this.above = h("div.stack");
    this.actions = this.live ? actions(this.id, () => this.story.call, this.signal) : null;
    this.summary = this.live ? null : this.summaryCard();
    this.tabs = tabs("About this call", [
      { name: "Turns", panel: this.parts.falls.node },
      { name: "Tools and policy", panel: this.parts.audit.node },
      { name: "SIP", panel: this.parts.ladder.node },
      { name: "Timeline", panel: this.parts.timeline, opened: () => this.picture() },
      { name: "Events", panel: this.parts.events.node },
    ]);
    this.side = h("div.stack", this.actions ? this.actions.node : this.summary);
    fill(this.main,
      h("div.bar", h("a.button", { href: this.live ? "#/live" : "#/calls", "aria-label": this.live ? "Back to live calls" : "Back to calls" }, "←"), this.heading, this.badges),
      h("div.stack",
        h("section.card", { "aria-label": "Facts" }, this.facts),
        this.above,
        h("div.callgrid", h("section.card.talkcard", { "aria-label": "Conversation" }, h("header", h("h2", "Conversation")), this.talk.node), this.side),
        this.tabs.node));
    const back = bind("Escape", "Back to the list", () => { location.hash = this.live ? "#/live" : "#/calls"; }, "This call");
    this.signal.addEventListener("abort", back);
    this.soon();
  }

  take(event) {
    const item = this.story.take(event);
    if (item) this.talk.add(item);
    if (event.type === "call_ended") this.over();
    this.soon();
  }

  /** Draw at most once a frame: a call on record comes as thousands of events at once. */
  soon() {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      if (!this.signal.aborted) this.draw();
    });
  }

  draw() {
    const { call, turns, sip, audit: entries } = this.story;
    const zero = this.talk.zero();
    const names = `${party(call.caller)} → ${party(call.callee)}`;
    write(this.heading, call.caller ? names : "Call");
    this.title(call.caller ? names : "Call");
    fill(this.badges, badges(call));
    fill(this.facts, this.figures(call).map(([name, value, title]) => h("div", h("dt", name), h("dd", { title: title || null }, value))));
    this.tick();
    this.parts.falls.show(turns, zero);
    this.parts.audit.show(entries, zero);
    this.parts.ladder.show(sip, zero);
    this.parts.events.show(this.story.events, zero);
    this.tabs.count(0, turns.length || "");
    this.tabs.count(1, entries.length || "");
    this.tabs.count(2, sip.length || "");
    this.tabs.count(4, this.story.events.length || "");
    this.actions?.show();
  }

  figures(call) {
    this.clock = h("span");
    const known = [
      ["Duration", this.clock],
      ["Plan", call.plan || "–"],
      call.state === "ended" ? ["Ended", words(call.reason), `by the ${call.ended_by}`] : ["With", call.connected_to ? party(call.connected_to) : call.agent || "–", call.connected_to],
      ["From", address(call.caller) || "–", call.caller],
      ["To", address(call.callee) || "–", call.callee],
      ["Began", when(call.started), call.started],
    ];
    if (call.state === "ended") known.splice(3, 0, ["Status", `${call.status ?? "–"}`]);
    const media = this.story.media.find((each) => each.role === "caller");
    if (media) known.push(["Audio", `${media.codec}, ${span(media.jitter_ms)} jitter, ${media.lost} lost`]);
    return known;
  }

  tick() {
    const { started, ended } = this.story.call;
    if (!started || !this.clock) return;
    write(this.clock, duration(((ended ? Date.parse(ended) : serverNow()) - Date.parse(started)) / 1000));
  }

  /** The end has come: what can be done gives way to what is kept. */
  over() {
    this.actions?.close();
    const kept = [...this.story.recordings.values()].filter((each) => each.done);
    if (!this.summary) {
      this.summary = this.summaryCard();
      this.side.append(this.summary);
    }
    if (kept.length && !this.player) this.play(kept[0]);
    if (kept.length > 1) this.summaryList(kept);
  }

  play(recording) {
    this.player = player(`${this.path}/recordings/${encodeURIComponent(recording.name)}`, recording, {
      signal: this.signal,
      playing: (ms) => this.talk.playing(ms),
    });
    fill(this.above, this.player.node);
    this.talk.seekable((ms) => this.player.seek(ms));
    if (!this.unbind) {
      this.unbind = bind("p", "Play or pause", () => this.player.toggle(), "This call");
      this.signal.addEventListener("abort", this.unbind);
    }
  }

  summaryCard() {
    const note = h("p.soft.small", { role: "status" });
    const bundle = h("button", {
      type: "button",
      on: {
        click: async () => {
          write(note, "Packing…");
          try {
            await download(`${this.path}/bundle`, `${this.id}.zip`);
            write(note, "");
          } catch (problem) {
            write(note, problem.message);
          }
        },
      },
    }, "Download the bundle");
    this.kept = h("div.row");
    return h("section.card", { "aria-label": "What is kept" }, h("header", h("h2", "What is kept")), h("div.in.stack",
      h("p.soft.small", "Events, transcript, recordings, SIP, tools and decisions of this call in one zip."),
      this.kept, h("div.row", bundle), note, h("p.small.soft", "Call id ", h("code", this.id))));
  }

  summaryList(kept) {
    fill(this.kept, kept.map((each) => h("button", { type: "button", on: { click: () => this.play(each) } }, each.name)));
  }

  async picture() {
    const holder = this.parts.timeline;
    if (this.drawn || !holder) return;
    this.drawn = true;
    fill(holder, h("p.soft.in", "Drawing…"));
    try {
      const blob = await (await ask(`${this.path}/timeline.svg`, { signal: this.signal })).blob();
      const url = URL.createObjectURL(blob);
      this.signal.addEventListener("abort", () => URL.revokeObjectURL(url));
      fill(holder, h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Timeline" }, h("img", { src: url, alt: "Timeline: who spoke, what was said, decided and signalled, on one axis. The tabs beside it say the same in words." })));
    } catch (problem) {
      this.drawn = false;
      fill(holder, h("p.soft.in", `No picture: ${problem.message}`));
    }
  }
}
