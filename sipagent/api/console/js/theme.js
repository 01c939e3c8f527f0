// Light, dark, or as the system wishes; kept in this browser.

import { fill, h, icon } from "./dom.js";

const KEY = "sipagent.theme";
const ORDER = ["auto", "light", "dark"];

function wanted() {
  const kept = localStorage.getItem(KEY);
  return ORDER.includes(kept) ? kept : "auto";
}

export function apply(theme = wanted()) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** The switch: each press is the next of three. */
export function themeButton() {
  const button = h("button.plain", { type: "button", on: { click: next } });
  function show() {
    const words = { auto: "as the system", light: "light", dark: "dark" }[wanted()];
    button.setAttribute("aria-label", `Theme: ${words}`);
    button.title = `Theme: ${words}`;
    fill(button, icon(wanted()));
  }
  function next() {
    const theme = ORDER[(ORDER.indexOf(wanted()) + 1) % ORDER.length];
    localStorage.setItem(KEY, theme);
    apply(theme);
    for (const each of document.querySelectorAll("[data-theme-button]")) each.dispatchEvent(new Event("themed"));
  }
  button.dataset.themeButton = "";
  button.addEventListener("themed", show);
  show();
  return button;
}
