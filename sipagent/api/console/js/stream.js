// Server-sent events from a fetch body (EventSource cannot send a token), going on where they were left.

import { ask } from "./http.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;
//: the server says something every 15 s; twice as long without is a dead line
const SILENCE = 35_000;

/** The items of one response: `{id, type, data}`; comments are signs of life. */
async function* items(response, alive) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const item = parsed(block);
        if (item) yield item;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
  }
  return fields.data === undefined ? null : { id: Number(fields.id), type: fields.event, data: JSON.parse(fields.data) };
}

/**
 * Follow a stream until `signal` aborts, or its last event has come (`ends`).
 * `onItem(event, seq)`; `onGap()` when events are missing; `onState("connecting" | "open" | "lost", why)`.
 */
export async function follow(path, { signal, after = null, types = "", ends = "", onItem, onGap, onState }) {
  let wait = FIRST_WAIT;
  let last = after;
  while (!signal.aborted) {
    const line = new AbortController();
    const hangUp = () => line.abort();
    signal.addEventListener("abort", hangUp, { once: true });
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(hangUp, SILENCE);
    };
    let why = "the connection was lost";
    try {
      onState?.("connecting");
      alive();
      const wanted = new URLSearchParams({ ...(last === null ? {} : { after: last }), ...(types ? { types } : {}) });
      const response = await ask(`${path}?${wanted}`, { signal: line.signal });
      onState?.("open");
      wait = FIRST_WAIT;
      for await (const item of items(response, alive)) {
        last = item.id;
        if (item.type === "gap") onGap?.();
        else onItem(item.data, item.id);
        if (ends && item.type === ends) return;
      }
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      if (error.status === 403 || error.status === 404) {
        onState?.("refused", error.message);
        return;
      }
      if (error.name !== "AbortError") why = error.message;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", hangUp);
      line.abort();
    }
    if (signal.aborted) return;
    onState?.("lost", why);
    await new Promise((resolve) => setTimeout(resolve, wait * (0.75 + Math.random() / 2)));
    wait = Math.min(LONGEST_WAIT, wait * 2);
  }
}
