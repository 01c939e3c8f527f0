// The page at /phone/: a number, a keypad, what is said. `#token=...&to=100` fills it in.

import { Phone } from "./phone.js";

const TOKEN = "sipagent.phone.token";
const of = (id) => document.getElementById(id);
let phone = null;

/** What stands behind the #, which no server is told; it does not stay in the address. */
function given() {
  const found = new URLSearchParams(location.hash.slice(1));
  if (found.has("token")) sessionStorage.setItem(TOKEN, found.get("token"));
  if (found.has("to")) of("to").value = found.get("to");
  history.replaceState(null, "", location.pathname);
  of("with-token").hidden = sessionStorage.getItem(TOKEN) !== null;
}

function show(state, why) {
  const reason = why && (why.reason || (why.status !== 200 && why.status));
  of("state").textContent = reason ? `${state}: ${reason}` : state;
  const busy = state !== "idle" && state !== "ended";
  of("call").disabled = busy;
  of("hangup").disabled = of("mute").disabled = !busy;
  for (const key of of("keys").children) key.disabled = state !== "up";
}

function said(event) {
  if (event.type !== "said") return;
  const line = document.createElement("li");
  line.textContent = `${event.speaker}: ${event.text}`;
  of("said").append(line);
}

async function call(event) {
  event.preventDefault();
  if (of("token").value) sessionStorage.setItem(TOKEN, of("token").value);
  of("said").replaceChildren();
  phone = new Phone({ token: sessionStorage.getItem(TOKEN) ?? "" });
  phone.onstate = show;
  phone.onevent = said;
  try {
    await phone.call(of("to").value);
  } catch (error) {
    if (error.status === 401) of("with-token").hidden = false;
  }
}

function mute() {
  phone.mute(!phone.muted);
  of("mute").setAttribute("aria-pressed", String(phone.muted));
}

for (const key of "123456789*0#") {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = key;
  button.addEventListener("click", () => phone?.press(key));
  of("keys").append(button);
}
of("dial").addEventListener("submit", call);
of("hangup").addEventListener("click", () => phone?.hangup());
of("mute").addEventListener("click", mute);
given();
show("idle");
