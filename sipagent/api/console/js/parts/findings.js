// Findings: what is wrong, where, and what may help.

import { h } from "../dom.js";

export function findings(found) {
  return h("ul.findings", found.map((each) => h("li",
    h("span", h("span.badge", { class: each.severity === "error" ? "bad" : "warn" }, each.severity)),
    h("div", h("code", `${each.line ? `line ${each.line}` : each.file}${each.key ? ` · ${each.key}` : ""}`), h("div.told", each.message)),
    each.hint ? h("span.hint", each.hint) : null)));
}
