// How a call stands, in a word, the same everywhere.

import { h } from "../dom.js";

/** Badges of a call's view. */
export function badges(call) {
  const found = [state(call)];
  if (call.on_hold) found.push(h("span.badge.warn", "On hold"));
  if (call.recording) found.push(h("span.badge.rec", "Recording"));
  return found;
}

function state(call) {
  if (call.state === "ended") return ended(call.status, call.reason);
  if (call.state === "ringing") return h("span.badge.warn", "Ringing");
  return h("span.badge.good", "Up");
}

/** How a call ended: by its SIP status, and in words. */
export function ended(status, reason) {
  if (reason === "unfinished") return h("span.badge", "Unfinished");
  const good = !status || (status >= 200 && status < 300);
  return good ? h("span.badge", "Ended") : h("span.badge.bad", `Failed ${status}`);
}
