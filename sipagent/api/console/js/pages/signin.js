// Sign-in: a token of the server, kept in this tab only.

import { h } from "../dom.js";
import { get } from "../http.js";
import { session } from "../session.js";

const MAY = {
  "calls:read": "see live calls", "records:read": "see records", "system:read": "see trunks, phones and dialplans",
  "calls:control": "act on calls", "calls:originate": "call out", "webrtc:call": "call from the browser",
  "system:control": "reload the server", "tokens:issue": "make short-lived tokens",
  "records:control": "hold and erase records",
};

/** What a token may do, in words. */
export function may(me) {
  const all = me.scopes.map((scope) => MAY[scope] || scope);
  const verbs = me.verbs ? ` (${me.verbs.join(", ")})` : "";
  return all.map((words) => words === "act on calls" ? words + verbs : words).join(", ");
}

/** The form; `begin` once a token is good. */
export function signIn(why, begin) {
  const field = h("input", {
    id: "token", type: "password", required: true, autocomplete: "current-password", spellcheck: "false",
    "aria-describedby": "token-note", placeholder: "sa_…",
  });
  const error = h("p.notice.bad", { role: "alert", hidden: !why }, why);
  const button = h("button.main", { type: "submit" }, "Sign in");
  const form = h("form", { on: { submit: enter } },
    h("a.brand", { href: "#/live", tabindex: "-1" }, h("img", { src: "icon.svg", alt: "" }), "sipagent"),
    h("h1", { style: { "font-size": "16px" } }, "Sign in to the console"),
    error,
    h("div", h("label", { for: "token" }, "Token"), field),
    button,
    h("p.soft.small", { id: "token-note" },
      "It stays in this tab. ", h("code", "sipagent token"), " makes one; its hash goes into ", h("code", "api.tokens"), " of sipagent.yaml."));
  async function enter(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      const me = await get("/v1/me", { token: field.value.trim() });
      session.begin(field.value.trim(), me);
      begin();
    } catch (problem) {
      error.hidden = false;
      error.textContent = problem.status === 401 ? "This server does not know that token." : problem.message;
      field.setAttribute("aria-invalid", "true");
      field.focus();
    } finally {
      button.disabled = false;
    }
  }
  queueMicrotask(() => field.focus());
  return h("main.door", { id: "main" }, form);
}
