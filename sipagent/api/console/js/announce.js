// What a screen reader is told beside what is seen: calmly, or at once.

const waiting = new Map();

/** Say it when there is a pause; of what comes within a second, the newest of a `kind`. */
export function say(text, kind = "") {
  clearTimeout(waiting.get(kind));
  waiting.set(kind, setTimeout(() => put("polite", text), 300));
}

/** Say it now. */
export function alarm(text) {
  put("urgent", text);
}

function put(id, text) {
  const region = document.getElementById(id);
  region.textContent = "";
  // the same words twice are two messages
  requestAnimationFrame(() => { region.textContent = text; });
}
