// Shortcuts: single keys, which can be switched off, and the overlay that tells them.

import { h } from "./dom.js";

const OFF = "sipagent.shortcuts.off";
//: after `g`, so many ms for the second key
const PATIENCE = 1200;

const shortcuts = new Map();
let first = "";
let timer = 0;

/** `bind("g l", "Live calls", act)`; returns what takes it away again. */
export function bind(keys, words, act, group = "Everywhere") {
  shortcuts.set(keys, { words, act, group });
  return () => {
    if (shortcuts.get(keys)?.act === act) shortcuts.delete(keys);
  };
}

export function listen() {
  document.addEventListener("keydown", pressed);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  if (localStorage.getItem(OFF) && event.key !== "?") return;
  const keys = first ? `${first} ${event.key}` : event.key;
  const found = shortcuts.get(keys) || (first ? shortcuts.get(event.key) : null);
  clearTimeout(timer);
  first = "";
  if (found) {
    event.preventDefault();
    found.act();
  } else if ([...shortcuts.keys()].some((each) => each.startsWith(`${event.key} `))) {
    first = event.key;
    timer = setTimeout(() => { first = ""; }, PATIENCE);
  }
}

/** The overlay. */
export function help() {
  const groups = Map.groupBy ? Map.groupBy([...shortcuts], ([, s]) => s.group) : grouped();
  const off = h("input", {
    type: "checkbox", id: "shortcuts-on", checked: !localStorage.getItem(OFF),
    on: { change: () => off.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1") },
  });
  return dialog("Keyboard shortcuts", [
    ...[...groups].map(([group, items]) => h("section", { style: { "margin-bottom": "14px" } },
      h("h3", group),
      h("dl.keys", { style: { "margin-top": "8px" } }, items.flatMap(([keys, { words }]) => [
        h("dt", keys.split(" ").map((key) => [h("kbd", NAMES[key] || key), " "])), h("dd", words),
      ])))),
    h("p.row", off, h("label", { for: "shortcuts-on", style: { margin: "0" } }, "Single keys are shortcuts")),
    h("p.soft.small", { style: { "margin-top": "8px" } }, "Tab moves through everything, Escape closes what is open."),
  ]);
}

const NAMES = { ArrowDown: "↓", ArrowUp: "↑" };

function grouped() {
  const groups = new Map();
  for (const item of shortcuts) groups.set(item[1].group, [...(groups.get(item[1].group) || []), item]);
  return groups;
}

/** A modal dialog with a title; it goes when it is closed. */
export function dialog(title, children, buttons = []) {
  const close = h("button.plain", { type: "button", "aria-label": "Close", on: { click: () => box.close() } }, "✕");
  const box = h("dialog", { "aria-label": title },
    h("header", h("h2", title), close), children, buttons.length ? h("div.row", buttons) : null);
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}
