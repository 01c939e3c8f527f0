// Calls on record: searched, paged, and as a table for a spreadsheet.

import { fill, h, icon } from "../dom.js";
import { duration, party, plural, when } from "../format.js";
import { download, get, query } from "../http.js";
import { bind } from "../keys.js";
import { ended } from "../parts/badges.js";
import { field } from "../parts/forms.js";
import { move } from "./live.js";

const PAGE = 50;

export function recordsPage({ main, signal, query: given, title }) {
  title("Calls");
  const fields = filters(given);
  const values = () => Object.fromEntries(fields.map(({ input, as }) => [input.name, as ? as(input.value) : input.value.trim()]));
  const note = h("p.notice.bad", { role: "alert", hidden: true });
  const count = h("span.soft", { role: "status" });
  const body = h("tbody", { role: "rowgroup" });
  const table = h("div.card", h("table.cards", { role: "table", "aria-label": "Calls on record" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["Caller", "Called", "Plan", "Began", "Duration", "Came out", "Turns"].map((name) =>
      h("th", { role: "columnheader", scope: "col", class: ["Duration", "Turns"].includes(name) ? "right" : "" }, name)))), body));
  const empty = h("div.card.empty", { hidden: true }, h("strong", "No such call"), "Ask for less, or leave the filters out.");
  const more = h("button", { type: "button", on: { click: () => load() } }, "Older calls");
  const pager = h("div.pager", { hidden: true }, more);
  const csv = h("button", { type: "button", on: { click: save } }, "Save as CSV");
  const form = h("form.filters", { role: "search", "aria-label": "Filters", on: { submit: search } }, fields.map(({ node }) => node),
    h("div.row", h("button.main", { type: "submit" }, "Search"), h("button.plain", { type: "reset", on: { click: () => setTimeout(search) } }, "Clear"), csv));
  const narrow = matchMedia("(max-width: 860px)").matches && !String(given);
  fill(main, h("div.bar", h("h1", "Calls"), count), h("div.stack",
    h("details.card", { open: !narrow, style: { margin: "0" } }, h("summary", { style: { padding: "11px 16px" } }, "Filters"), form),
    note, table, empty, pager));
  let after = "";

  function search(event) {
    event?.preventDefault();
    const wanted = query(Object.fromEntries(fields.map(({ input }) => [input.name, input.value.trim()])));
    // the address is the search: it can be kept, and sent to a colleague
    history.replaceState(null, "", `#/calls${wanted}`);
    after = "";
    body.replaceChildren();
    load();
  }
  async function load() {
    note.hidden = true;
    more.disabled = true;
    try {
      const found = await get(`/v1/records${query({ ...values(), limit: PAGE, after })}`, { signal });
      body.append(...found.records.map(row));
      after = found.after || "";
    } catch (problem) {
      if (signal.aborted) return;
      note.hidden = false;
      note.textContent = problem.place ? `${problem.place}: ${problem.message}` : problem.message;
      after = "";
    }
    more.disabled = false;
    pager.hidden = !after;
    const shown = body.children.length;
    table.hidden = !shown;
    empty.hidden = Boolean(shown) || !note.hidden;
    count.textContent = shown ? `${plural(shown, "call")}${after ? ", and older ones" : ""}` : "";
  }
  async function save() {
    try {
      await download(`/v1/records.csv${query(values())}`, "calls.csv");
    } catch (problem) {
      note.hidden = false;
      note.textContent = problem.message;
    }
  }
  const unbind = [
    bind("/", "Search", () => { form.closest("details").open = true; form.querySelector("input").focus(); }, "Lists"),
    bind("j", "Next call", () => move(body, 1), "Lists"),
    bind("k", "Call before", () => move(body, -1), "Lists"),
  ];
  signal.addEventListener("abort", () => unbind.forEach((each) => each()));
  load();
}

function filters(given) {
  const any = (...options) => [["", "any"], ...options];
  const local = (value) => value ? new Date(value).toISOString() : "";
  const made = [
    field("Words said", "text", { type: "search", placeholder: "umbrella" }),
    field("Caller", "caller", { type: "search", placeholder: "part of a number" }),
    field("Called", "callee", { type: "search" }),
    field("Plan", "plan", { type: "search" }),
    field("Direction", "direction", { options: any(["inbound", "inbound"], ["outbound", "outbound"]) }),
    field("State", "state", { options: any(["live", "live"], ["ended", "ended"]) }),
    field("SIP status", "status", { placeholder: "486 or 4xx", pattern: "[1-6]([0-9][0-9]|xx)" }),
    field("Ended by", "ended_by", { options: any(["caller", "caller"], ["agent", "agent"], ["plan", "plan"], ["system", "system"]) }),
    { ...field("Begun after", "since", { type: "datetime-local" }), as: local },
    { ...field("Begun before", "until", { type: "datetime-local" }), as: local },
    field("At least, seconds", "min_duration", { type: "number", min: "0" }),
  ];
  for (const { input } of made) input.value = given.get(input.name) || "";
  return made;
}

function row(call) {
  const name = h("a", { href: `#/calls/${encodeURIComponent(call.call_id)}`, title: call.caller }, party(call.caller));
  const turns = (call.turns?.caller || 0) + (call.turns?.agent || 0);
  const flags = [
    call.denials ? h("span.badge.bad", plural(call.denials, "denial")) : null,
    call.tools_failed ? h("span.badge.bad", `${plural(call.tools_failed, "tool")} failed`) : null,
    call.recordings?.length ? h("span.badge", "Recorded") : null,
  ];
  return h("tr.opens", { role: "row", on: { click: (event) => { if (!event.target.closest("a")) name.click(); } } },
    h("th", { role: "rowheader", scope: "row" },
      h("span.soft", { style: { "margin-right": "6px", display: "inline-flex", "vertical-align": "-4px" } }, icon(call.direction === "outbound" ? "out" : "in"), h("span.unseen", `${call.direction} `)), name),
    h("td.c-meta", { role: "cell", title: call.callee }, party(call.callee)),
    h("td.c-meta", { role: "cell" }, call.plan),
    h("td.c-end.nowrap.soft", { role: "cell" }, when(call.started)),
    h("td.c-clock.right.nowrap", { role: "cell" }, duration(call.duration)),
    h("td.c-wide", { role: "cell" }, h("span.row", { style: { gap: "5px" } }, call.ended ? ended(call.status, call.reason) : h("span.badge.good", "Live"), call.ended ? h("span.soft.small", `${call.reason}${call.ended_by ? `, by the ${call.ended_by}` : ""}`) : null, flags)),
    h("td.c-less.right", { role: "cell" }, turns ? String(turns) : ""));
}
