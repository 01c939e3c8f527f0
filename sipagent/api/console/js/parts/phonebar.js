// The bar of a call of this browser, on every page; and who rings it.

import { alarm } from "../announce.js";
import { fill, h } from "../dom.js";
import { party } from "../format.js";
import { line } from "./line.js";

const WORDS = { calling: "Calling", ringing: "Ringing", up: "On the phone with", held: "On hold with" };

export function phoneBar(signal) {
  const node = h("div.phonebar", { hidden: true, role: "region", "aria-label": "Phone" });
  function show() {
    node.hidden = !line.busy && !line.ring;
    if (node.hidden) return;
    if (line.ring && !line.busy) {
      fill(node, h("strong", `${party(line.ring.caller)} rings`), h("span.push"),
        h("button.main", { type: "button", on: { click: () => line.answer() } }, "Answer"),
        h("button", { type: "button", on: { click: () => line.decline() } }, "Decline"));
      return;
    }
    fill(node, h("span", `${WORDS[line.state] || line.state} `, h("strong", party(line.other))), h("span.push"),
      h("button", { type: "button", "aria-pressed": String(line.muted), on: { click: () => line.mute(!line.muted) } }, line.muted ? "Unmute" : "Mute"),
      h("a.button", { href: "#/phone" }, "Keys"),
      h("button.danger", { type: "button", on: { click: () => line.hangup() } }, "Hang up"));
  }
  line.addEventListener("state", show, { signal });
  line.addEventListener("ring", () => {
    if (line.ring) alarm(`${party(line.ring.caller)} rings this browser`);
    show();
  }, { signal });
  show();
  return node;
}
