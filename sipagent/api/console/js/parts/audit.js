// Tools and policy: who wanted what, whether they might, and how it came out.

import { fill, h } from "../dom.js";
import { offset, span, words } from "../format.js";

export function audit() {
  const node = h("div.scroll");
  function show(entries, zero) {
    if (!entries.length) return fill(node, h("p.soft.in", { style: { padding: "14px 16px" } }, "No tool was called and nothing was decided yet."));
    return fill(node, h("table", { "aria-label": "Tools and policy" },
      h("thead", h("tr", ["At", "Who", "What", "Came out", "Detail"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", entries.map((entry) => row(entry, zero)))));
  }
  return { node, show };
}

function row(entry, zero) {
  return h("tr",
    h("td.nowrap.soft", offset(Math.max(0, entry.t - zero))),
    h("td.nowrap", entry.by),
    h("td.nowrap", h("strong", words(entry.what))),
    h("td.nowrap", verdict(entry), entry.ms ? h("span.soft.small", ` ${span(entry.ms)}`) : null),
    h("td", [entry.detail, entry.result].filter(Boolean).map((text) => h("div.told", text))));
}

function verdict(entry) {
  if (entry.asked) return h("span.badge", "Asked");
  if (entry.policy === true) return h("span.badge.good", entry.confirmed ? "Allowed by the caller" : "Allowed");
  if (entry.policy === false) return h("span.badge.bad", "Denied");
  if (entry.ok === null) return h("span.badge.accent", "Under way");
  return entry.ok ? h("span.badge.good", "Done") : h("span.badge.bad", entry.status ? `Failed ${entry.status}` : "Failed");
}
