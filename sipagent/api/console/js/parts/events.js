// All events of a call as they are, newest last: what a page leaves out is here.

import { h } from "../dom.js";
import { precise } from "../format.js";
import { data } from "../story.js";

//: rows that stay
const MOST = 1500;

export function eventList() {
  const body = h("tbody");
  const node = h("div.scroll", h("table", { "aria-label": "All events" },
    h("thead", h("tr", ["At", "Event", "What it says"].map((name) => h("th", { scope: "col" }, name)))), body));
  let shown = 0;
  function show(events, zero) {
    body.append(...events.slice(Math.max(shown, events.length - MOST)).map((event) => row(event, zero)));
    shown = events.length;
    while (body.children.length > MOST) body.firstChild.remove();
  }
  return { node, show };
}

function row({ type, call_id: _id, at: _at, t, ...rest }, zero) {
  const said = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== "" && value !== null));
  return h("tr", h("td.nowrap.soft", precise(t - zero)), h("td.nowrap", h("code", type)), h("td", h("code.told", data(said))));
}
