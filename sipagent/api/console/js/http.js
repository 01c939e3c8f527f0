// Requests with the session's token; what the server refuses comes as a Problem, in its words.

import { session } from "./session.js";

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the server answered ${status}`);
    this.status = status;
    this.place = body.place || "";
    this.title = body.title || "";
  }
}

/** How far the server's clock is from ours, ms: durations tick on its time. */
export const skew = { ms: 0 };

export function serverNow() {
  return Date.now() + skew.ms;
}

/** A response that is good. Throws Problem; 401 ends the session. */
export async function ask(path, { token = session.token, ...options } = {}) {
  const headers = new Headers(options.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "the server cannot be reached" });
  }
  note(response);
  if (response.ok) return response;
  const problem = new Problem(response.status, await told(response));
  if (response.status === 401 && token === session.token && session.me) {
    session.end("The server does not accept this token any more.");
  }
  throw problem;
}

function note(response) {
  const date = Date.parse(response.headers.get("date") || "");
  // a header has whole seconds: less than two is not known
  if (date && Math.abs(date - Date.now()) > 2000) skew.ms = date - Date.now();
}

async function told(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}

export async function get(path, options) {
  return (await ask(path, options)).json();
}

export async function post(path, body, options = {}) {
  const headers = { "content-type": "application/json" };
  const response = await ask(path, { method: "POST", headers, body: JSON.stringify(body), ...options });
  return response.status === 204 ? null : response.json();
}

/** Have the browser keep what a route answers with: the token cannot stand in a link. */
export async function download(path, name) {
  const blob = await (await ask(path)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** `{a: 1, b: ""}` as `?a=1`. */
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return text ? `?${text}` : "";
}
