// Trunks and phones: how each does, and why it does not.

import { alarm } from "../announce.js";
import { fill, h } from "../dom.js";
import { plural, time } from "../format.js";
import { get } from "../http.js";

const EVERY = 5000;
const TONES = { registered: "good", failed: "bad", trying: "warn", up: "good", down: "bad" };

export function linesPage({ main, signal, title }) {
  title("Trunks and phones");
  const trunks = h("div");
  const phones = h("div");
  fill(main, h("div.bar", h("h1", "Trunks and phones")), h("div.stack",
    h("section.card", { "aria-label": "Trunks" }, h("header", h("h2", "Trunks")), trunks),
    h("section.card", { "aria-label": "Phones" }, h("header", h("h2", "Phones")), phones)));
  const failed = new Set();

  async function load() {
    try {
      const [up, down] = await Promise.all([get("/v1/trunks", { signal }), get("/v1/phones", { signal })]);
      show(trunks, trunkTable(up.trunks));
      show(phones, phoneTable(down.phones));
      for (const trunk of up.trunks) {
        const bad = trunk.registration === "failed" || trunk.reach === "down";
        if (bad && !failed.has(trunk.name)) alarm(`Trunk ${trunk.name}: ${trunk.why || trunk.cause || "down"}`);
        if (bad) failed.add(trunk.name);
        else failed.delete(trunk.name);
      }
    } catch (problem) {
      if (!signal.aborted) fill(trunks, h("p.notice.bad", { role: "alert" }, problem.message));
    }
  }
  const timer = setInterval(load, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
  load();
}

/** In place of what is shown, where it differs: a reader is not thrown out of a table. */
function show(node, made) {
  if (node.firstChild?.outerHTML !== made.outerHTML) fill(node, made);
}

function table(label, columns, rows) {
  return h("table.cards", { role: "table", "aria-label": label },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((name) => h("th", { role: "columnheader", scope: "col" }, name)))),
    h("tbody", { role: "rowgroup" }, rows));
}

const cell = (name, ...children) => h(name, { role: "cell" }, children);

function trunkTable(trunks) {
  if (!trunks.length) return h("p.empty", h("strong", "No trunk"), "Name one under ", h("code", "trunks"), " of sipagent.yaml to call, and be called, by a provider.");
  return table("Trunks", ["Name", "Registration", "Reached", "Calls", "What is wrong"], trunks.map((trunk) => h("tr", { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, trunk.name, h("span.second", trunk.host)),
    cell("td.c-end", h("span.badge", { class: TONES[trunk.registration] || "" }, trunk.registration === "off" ? "not wanted" : trunk.registration),
      trunk.expires ? h("span.second", `until ${time(trunk.expires)}${trunk.registrar ? ` at ${trunk.registrar}` : ""}`) : null),
    cell("td.c-meta", h("span.badge", { class: TONES[trunk.reach] || "" }, trunk.reach === "unknown" ? "not watched" : trunk.reach)),
    cell("td.c-meta.nowrap", trunk.limit === null ? plural(trunk.calls, "call") : `${trunk.calls} of ${plural(trunk.limit, "call")}`),
    cell("td.c-wide", why(trunk)))));
}

function why(trunk) {
  if (!trunk.cause && !trunk.why) return [];
  // the words often begin with the cause
  const more = trunk.why.startsWith(`${trunk.cause}: `) ? trunk.why.slice(trunk.cause.length + 2) : trunk.why;
  return [trunk.cause ? h("strong.bad", trunk.cause) : null, more ? h("span.told", `${trunk.cause ? ": " : ""}${more}`) : null,
    trunk.retry ? h("span.second", `${plural(trunk.failures, "failure")}; next attempt at ${time(trunk.retry)}`) : null];
}

function phoneTable(phones) {
  if (!phones.length) return h("p.empty", h("strong", "No phone"), "Extensions under ", h("code", "phones"), " of sipagent.yaml may register here.");
  return table("Phones", ["Extension", "State", "Where"], phones.map((phone) => h("tr", { role: "row" },
    h("th", { role: "rowheader", scope: "row" }, phone.extension, phone.display_name ? h("span.second", phone.display_name) : null),
    cell("td.c-end", phone.contacts.length ? h("span.badge.good", "Registered") : h("span.badge", "Not registered")),
    cell("td.c-wide", phone.contacts.map((contact) => h("div", contact.source, " ", h("span.soft.small", `${contact.transport}, ${contact.agent || "unnamed"}, for ${plural(Math.ceil(contact.seconds / 60), "minute")}`)))))));
}
