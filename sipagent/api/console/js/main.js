// The console: sign in, then one page at a time by the address after `#/`.

import { fill, h } from "./dom.js";
import { feed } from "./feed.js";
import { get } from "./http.js";
import { listen } from "./keys.js";
import { callPage } from "./pages/call.js";
import { linesPage } from "./pages/lines.js";
import { livePage } from "./pages/live.js";
import { phonePage } from "./pages/phone.js";
import { planPage, plansPage } from "./pages/plans.js";
import { recordsPage } from "./pages/records.js";
import { signIn } from "./pages/signin.js";
import { statusPage } from "./pages/status.js";
import { line } from "./parts/line.js";
import { session } from "./session.js";
import { bindPlaces, shell } from "./shell.js";
import { apply } from "./theme.js";

const PAGES = { live: livePage, calls: recordsPage, lines: linesPage, plans: plansPage, phone: phonePage, status: statusPage };
const DETAILS = { calls: callPage, plans: planPage };

const app = document.getElementById("app");
let frame = null;
let leaving = new AbortController();
let signedIn = new AbortController();

/** A page gets `{main, signal, id, query, title}`: `signal` aborts when it is left. */
function show() {
  if (!frame) return;
  leaving.abort();
  leaving = new AbortController();
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const id = rest.length ? decodeURIComponent(rest.join("/")) : "";
  const page = (id ? DETAILS[name] : PAGES[name]) || PAGES[frame.first];
  frame.here(PAGES[name] ? name : frame.first);
  const holder = h("div.page");
  fill(frame.main, holder);
  page({ main: holder, signal: leaving.signal, id, query: new URLSearchParams(search), title, here: frame.here });
  window.scrollTo(0, 0);
}

function title(words) {
  document.title = `${words} · sipagent`;
}

function begin() {
  signedIn = new AbortController();
  frame = shell(signedIn.signal);
  fill(app, frame.frame);
  bindPlaces((at) => { location.hash = `#/${at}`; });
  feed.start();
  show();
}

function ask(why) {
  leaving.abort();
  signedIn.abort();
  feed.stop();
  line.close();
  frame = null;
  title("Sign in");
  fill(app, signIn(why, begin));
}

addEventListener("hashchange", () => {
  show();
  // who moves by keyboard or ear begins at the new page
  frame?.main.focus({ preventScroll: true });
});
session.addEventListener("ended", (event) => ask(event.detail));

apply();
listen();
if (session.token) {
  try {
    session.know(await get("/v1/me"));
    begin();
  } catch (problem) {
    ask(problem.status === 401 ? "The server does not accept this token any more." : problem.message);
  }
} else {
  ask("");
}
