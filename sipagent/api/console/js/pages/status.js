// Status: the server and its webhooks, and what this token may do.

import { alarm, say } from "../announce.js";
import { fill, h } from "../dom.js";
import { ago, plural, when, words } from "../format.js";
import { get, post } from "../http.js";
import { session } from "../session.js";
import { may } from "./signin.js";

const EVERY = 5000;

export function statusPage({ main, signal, title }) {
  title("Status");
  const server = h("div.stack");
  const hooks = h("div.stack");
  fill(main, h("div.bar", h("h1", "Status")), h("div.stack", server, hooks,
    h("section.card", h("header", h("h2", "This token")), h("p.in", h("strong", session.me.name), ` may ${may(session.me)}.`))));
  const load = () => Promise.all([showServer(server, signal), showHooks(hooks, signal)]);
  const timer = setInterval(load, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
  load();
}

async function showServer(node, signal) {
  try {
    const told = await get("/v1/status", { signal });
    const figures = [
      ["Takes calls", told.why_not_ready ? h("span.bad", told.why_not_ready) : h("span.good", "yes")],
      ["Version", told.version], ["Up since", when(told.started)], ["SIP", told.sip],
      ["Calls", `${told.calls} of ${told.limits.calls}`], ["Workers ready", `${told.workers.idle} of ${told.workers.processes}`],
      ["Calls a second, at most", String(told.limits.calls_per_second)], ["Longest call", plural(Math.round(told.limits.call_seconds / 60), "minute")],
      ["Dialplans in force", String(told.dialplans)], ["Banned", String(told.bans)],
    ];
    if (told.uploads) {
      const { waiting, error } = told.uploads;
      figures.push(["Uploads", error ? h("span.bad", `${plural(waiting, "bundle")} waiting: ${error}`) : `${plural(waiting, "bundle")} waiting`]);
    }
    fill(node, h("section.card", h("header", h("h2", "Server")), h("dl.figures", figures.map(([name, value]) => h("div", h("dt", name), h("dd", value))))));
  } catch (problem) {
    if (!signal.aborted) fill(node, h("p.notice.bad", { role: "alert" }, problem.message));
  }
}

async function showHooks(node, signal) {
  let told;
  try {
    told = await get("/v1/webhooks", { signal });
  } catch (problem) {
    if (signal.aborted || problem.status === 404) return;
    fill(node, h("p.notice.bad", problem.message));
    return;
  }
  if (node.querySelector(":focus")) return;
  fill(node, h("section.card", h("header", h("h2", "Webhooks")), told.webhooks.length ? h("div.scroll", h("table", { "aria-label": "Webhooks" },
    h("thead", h("tr", ["Name", "State", "Waiting", "Delivered", "Last trouble", ""].map((name) => name ? h("th", { scope: "col" }, name) : h("td")))),
    h("tbody", told.webhooks.map(row)))) : h("p.in.soft", "None: ", h("code", "webhooks"), " of sipagent.yaml would send call events to your own server.")));
}

function row(hook) {
  const { state } = hook;
  const note = h("span.small");
  const button = h("button", { type: "button", disabled: !session.may("system:control"), on: { click: test } }, "Test");
  async function test() {
    note.textContent = "…";
    try {
      const told = await post(`/v1/webhooks/${encodeURIComponent(hook.name)}/test`, {});
      note.textContent = told.ok ? " It came through." : ` ${told.detail}`;
      (told.ok ? say : alarm)(note.textContent);
    } catch (problem) {
      note.textContent = ` ${problem.message}`;
    }
  }
  return h("tr", h("th", { scope: "row" }, hook.name, h("span.second.told", hook.url)),
    h("td", h("span.badge", { class: state === "working" ? "good" : "bad" }, words(state))),
    h("td", hook.waiting ? `${hook.waiting}, since ${when(hook.waiting_since)}` : "0"),
    h("td", String(hook.delivered), hook.dropped ? h("span.bad", `, ${hook.dropped} dropped`) : null),
    h("td.told", hook.error ? `${hook.error}${hook.failing_since ? `, ${ago(hook.failing_since)}` : ""}` : "–"),
    h("td.nowrap.right", note, " ", button));
}
