// The conversation: who said what, words as they are spoken, and between them what was done.

import { fill, h, write } from "../dom.js";
import { offset } from "../format.js";

/** `seekable(seek)` lets lines be played from; `stay(false)` leaves the beginning in sight. */
export function transcript() {
  const list = h("ol.talk");
  const now = h("ol.talk.now", { "aria-hidden": "true" });
  const node = h("div.talks", { tabindex: "0", role: "region", "aria-label": "Transcript" }, list, now);
  const interims = new Map();
  const items = [];
  let seek = null;
  let zero = null;
  let follows = true;

  /** Is the end in sight? Then it stays so. */
  function staying(change) {
    const low = follows && node.scrollHeight - node.scrollTop - node.clientHeight < 60;
    change();
    if (low) node.scrollTop = node.scrollHeight;
  }

  function add(item) {
    if (zero === null) zero = item.event.t;
    staying(() => {
      const row = item.kind === "line" ? said(item) : done(item);
      let at = items.length;
      while (at > 0 && items[at - 1].t > item.t) at -= 1;
      list.insertBefore(row, at < items.length ? items[at].row : null);
      items.splice(at, 0, { t: item.t, end: item.event.end ?? item.t, line: item.kind === "line", row });
      if (item.kind === "line") interim(item.event.speaker, "");
    });
  }

  function said({ event, t }) {
    const { speaker, text, unheard, interrupted } = event;
    const words = h("span.words", text, unheard ? h("span.cut", { title: "not heard: the caller spoke" }, ` ${unheard}`) : null);
    const row = h(`li.line.of-${speaker}`,
      clock(t), h("span.who", speaker), h("div.text", words, interrupted && !unheard ? h("span.soft", " (interrupted)") : null));
    row.dataset.t = t;
    return row;
  }

  function done({ t, label, text, tone }) {
    return h("li.deed", { class: tone }, clock(t), h("span.who", label), h("span.text", text));
  }

  function clock(t) {
    const button = h("button.at", { type: "button", disabled: !seek, on: { click: () => seek?.(t) } }, offset(Math.max(0, t - (zero ?? t))));
    button.dataset.t = t;
    return button;
  }

  /** Words that are not final; none takes them away. */
  function interim(speaker, text) {
    staying(() => {
      const known = interims.get(speaker);
      if (!text) {
        known?.remove();
        interims.delete(speaker);
        return;
      }
      if (known) write(known.querySelector(".words"), text);
      else {
        const row = h(`li.line.interim.of-${speaker}`, h("span.at", "…"), h("span.who", speaker), h("div.text", h("span.words", text)));
        interims.set(speaker, row);
        now.append(row);
      }
    });
  }

  /** Highlight what is heard at `t`. */
  function playing(t) {
    for (const each of items) {
      const on = each.line && t >= each.t && t <= each.end + 150;
      if (each.row.classList.contains("playing") === on) continue;
      each.row.classList.toggle("playing", on);
      if (on) {
        const top = each.row.offsetTop - node.offsetTop;
        if (top < node.scrollTop || top > node.scrollTop + node.clientHeight - 60) node.scrollTop = top - 40;
      }
    }
  }

  function seekable(to) {
    seek = to;
    for (const each of list.querySelectorAll("button.at")) {
      each.disabled = false;
      each.title = "Play from here";
      each.setAttribute("aria-label", `Play from ${each.textContent}`);
    }
    node.classList.add("seekable");
  }
  node.addEventListener("click", (event) => {
    const line = event.target.closest("li.line[data-t]");
    // who marks words to copy them does not want to hear them
    if (line && seek && !event.target.closest("button") && !String(getSelection())) seek(Number(line.dataset.t));
  });
  function clear() {
    items.length = 0;
    zero = null;
    interims.clear();
    fill(list);
    fill(now);
  }
  return { node, stay: (end) => { follows = end; }, add, interim, playing, seekable, clear, zero: () => zero ?? 0, empty: () => !items.length };
}
