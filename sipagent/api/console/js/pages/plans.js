// Dialplans: which there are, what is wrong with them, how they hang together; and one to be checked.

import { alarm, say } from "../announce.js";
import { fill, h } from "../dom.js";
import { plural } from "../format.js";
import { ask, get, post } from "../http.js";
import { findings } from "../parts/findings.js";
import { field } from "../parts/forms.js";
import { drawGraph, listGraph } from "../parts/graph.js";
import { session } from "../session.js";

export function plansPage({ main, signal, title }) {
  title("Dialplans");
  const list = h("div.stack");
  const report = h("div");
  fill(main, h("div.bar", h("h1", "Dialplans"), h("span.push"), reloadButton(report, load)), h("div.stack", report, list, checker()));

  async function load() {
    try {
      const { dialplans, findings: loose } = await get("/v1/dialplans", { signal });
      fill(list, loose.length ? h("section.card", h("header", h("h2", "What belongs to no plan")), findings(loose)) : null,
        dialplans.length ? h("div.card", table(dialplans)) : h("div.card.empty", h("strong", "No dialplan"), "Put a YAML file where ", h("code", "dialplans"), " of sipagent.yaml says, and reload."),
        dialplans.filter((plan) => plan.findings.length).map((plan) => h("section.card", h("header", h("h2", plan.name), h("span.soft.small", plan.file)), findings(plan.findings))));
    } catch (problem) {
      if (!signal.aborted) fill(list, h("p.notice.bad", { role: "alert" }, problem.message));
    }
  }
  load();
}

function table(plans) {
  return h("table.cards", { role: "table", "aria-label": "Dialplans" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["Name", "Takes calls", "Agents", "State"].map((name) => h("th", { role: "columnheader", scope: "col" }, name)))),
    h("tbody", { role: "rowgroup" }, plans.map((plan) => {
      const name = h("a", { href: `#/plans/${encodeURIComponent(plan.name)}` }, plan.name);
      const errors = plan.findings.filter((each) => each.severity === "error").length;
      return h("tr.opens", { role: "row", on: { click: (event) => { if (!event.target.closest("a")) name.click(); } } },
        h("th", { role: "rowheader", scope: "row" }, name, h("span.second.told", plan.file)),
        h("td.c-wide", { role: "cell" }, plan.routes.length ? plan.routes.map((route) => h("div", route)) : h("span.soft", "by transfer, or when it is named")),
        h("td.c-meta", { role: "cell" }, plan.agents.join(", ")),
        h("td.c-end", { role: "cell" }, h("span.badges",
          plan.in_force ? h("span.badge.good", "In force") : h("span.badge.bad", "Not loaded"),
          errors ? h("span.badge.bad", plural(errors, "error")) : null,
          plan.findings.length > errors ? h("span.badge.warn", plural(plan.findings.length - errors, "warning")) : null)));
    })));
}

function reloadButton(report, after) {
  const may = session.may("system:control");
  const button = h("button", { type: "button", disabled: !may, title: may ? "Settings, dialplans and certificates; live calls go on" : "This token may not reload the server", on: { click: reload } }, "Reload");
  async function reload() {
    button.disabled = true;
    try {
      const told = await post("/v1/reload", {});
      const words = [
        told.problem || (told.ok ? "Everything is in force as it is written." : "Some dialplans were not loaded; those in force stay."),
        told.changed.length ? `Changed: ${told.changed.join(", ")}.` : "",
        told.waiting.length ? `Waiting for a restart: ${told.waiting.join(", ")}.` : "",
      ].filter(Boolean).join(" ");
      fill(report, h("p.notice", { class: told.ok ? "good" : "bad" }, words));
      (told.ok ? say : alarm)(words);
    } catch (problem) {
      fill(report, h("p.notice.bad", { role: "alert" }, problem.message));
    }
    button.disabled = !may;
    after();
  }
  return button;
}

function checker() {
  const may = session.may("system:control");
  const text = field("A dialplan, YAML or JSON", "document", { tag: "textarea", rows: "10", class: "mono", spellcheck: "false", placeholder: "sections:\n  main: [answer, {play: \"say:Hello.\"}, hangup]" });
  const told = h("div");
  const button = h("button", { type: "button", disabled: !may, title: may ? "" : "This token may not check documents", on: { click: check } }, "Check");
  async function check() {
    button.disabled = true;
    try {
      const response = await ask("/v1/dialplans/check", { method: "POST", headers: { "content-type": "application/yaml" }, body: text.input.value });
      const result = await response.json();
      const verdict = result.ok ? `It could be loaded${result.routes.length ? `, and would take calls: ${result.routes.join("; ")}` : ""}.` : "It could not be loaded.";
      fill(told, h("p.notice", { class: result.ok ? "good" : "bad", style: { margin: "14px 0 0" } }, verdict), findings(result.findings));
      say(`${verdict} ${plural(result.findings.length, "finding")}`);
    } catch (problem) {
      fill(told, h("p.notice.bad", { role: "alert", style: { margin: "14px 0 0" } }, problem.message));
    }
    button.disabled = false;
  }
  return h("section.card", h("header", h("h2", "Check a document"), h("span.soft.small", "It is never loaded.")), h("div.in", text.node, h("div.row", { style: { "margin-top": "10px" } }, button), told));
}

export async function planPage({ main, signal, id, title }) {
  title(id);
  const back = h("a.button", { href: "#/plans", "aria-label": "Back to dialplans" }, "←");
  fill(main, h("div.bar", back, h("h1", id)));
  try {
    const graph = await get(`/v1/dialplans/${encodeURIComponent(id)}/graph`, { signal });
    const wrong = new Set(graph.findings.map((each) => each.line));
    main.append(h("div.stack",
      graph.findings.length ? h("section.card", h("header", h("h2", "Findings")), findings(graph.findings)) : h("p.notice.good", "Nothing is wrong with it."),
      h("section.card", h("header", h("h2", "Where calls can go"), session.may("webrtc:call") ? h("a.button.push", { href: "#/phone" }, "Try it") : null), drawGraph(graph, wrong), listGraph(graph))));
  } catch (problem) {
    if (!signal.aborted) main.append(h("p.notice.bad", { role: "alert" }, problem.message));
  }
}
