// Fields with their labels.

import { h } from "../dom.js";

let count = 0;

/** A labelled input: `{node, input}`. */
export function field(words, name, { options = null, tag = options ? "select" : "input", ...rest } = {}) {
  count += 1;
  const id = `f${count}-${name}`;
  const children = (options || []).map((each) => {
    const [value, text] = Array.isArray(each) ? each : [each, each];
    return h("option", { value }, text);
  });
  const input = h(tag, { id, name, ...(tag === "input" ? { autocomplete: "off" } : {}), ...rest }, children);
  return { input, node: h("div.field", h("label", { for: id }, words), input) };
}

/** Tabs as ARIA has them: arrows move, one is open. Each is `{name, panel, count?}`. */
export function tabs(label, items) {
  count += 1;
  const base = `t${count}`;
  const buttons = items.map(({ name }, index) => h("button", {
    type: "button", role: "tab", id: `${base}-${index}`, "aria-controls": `${base}-${index}-panel`,
    on: { click: () => open(index), keydown: (event) => step(event, index) },
  }, name, " ", h("span.count")));
  const panels = items.map(({ panel }, index) => h("div", {
    role: "tabpanel", id: `${base}-${index}-panel`, "aria-labelledby": `${base}-${index}`, tabindex: "0",
  }, panel));
  function open(index) {
    buttons.forEach((each, at) => {
      each.setAttribute("aria-selected", String(at === index));
      each.tabIndex = at === index ? 0 : -1;
      panels[at].hidden = at !== index;
    });
    items[index].opened?.();
  }
  function step(event, index) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = (index + by + items.length) % items.length;
    open(next);
    buttons[next].focus();
  }
  open(0);
  const node = h("section.card", h("div.tabs", { role: "tablist", "aria-label": label }, buttons), panels);
  return { node, open, count: (index, text) => { buttons[index].querySelector(".count").textContent = text; } };
}
