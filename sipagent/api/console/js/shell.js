// The shell: navigation, the state of the line to the server, and the page between them.

import { alarm, say } from "./announce.js";
import { fill, h, icon, write } from "./dom.js";
import { feed } from "./feed.js";
import { bind, help } from "./keys.js";
import { phoneBar } from "./parts/phonebar.js";
import { session } from "./session.js";
import { themeButton } from "./theme.js";

const PLACES = [
  { at: "live", key: "l", words: "Live calls", short: "Live", icon: "live", scope: "calls:read" },
  { at: "calls", key: "c", words: "Calls", short: "Calls", icon: "calls", scope: "records:read" },
  { at: "lines", key: "t", words: "Trunks and phones", short: "Lines", icon: "lines", scope: "system:read" },
  { at: "plans", key: "d", words: "Dialplans", short: "Plans", icon: "plans", scope: "system:read" },
  { at: "phone", key: "p", words: "Browser phone", short: "Phone", icon: "phone", scope: "webrtc:call" },
  { at: "status", key: "s", words: "Status", short: "Status", icon: "status", scope: "system:read" },
];
const WORDS = { open: "Connected", connecting: "Connecting…", lost: "Connection lost", refused: "No event stream" };

/** The frame; `main` is where a page goes. */
export function shell(signal) {
  const main = h("main", { id: "main", tabindex: "-1" });
  const count = h("span.count", { "aria-hidden": "true" });
  const links = PLACES.filter((place) => session.may(place.scope)).map((place) => link(place, count));
  const side = h("header.side",
    brand(),
    h("nav.nav", { "aria-label": "Pages" }, links),
    h("div.foot",
      h("div.who", h("span.soft", "Signed in as "), h("strong", session.me.name)),
      line(signal),
      tools()),
  );
  const gaps = h("div", { role: "region", "aria-label": "Connection", hidden: true });
  const frame = h("div.shell", side, h("div", h("div.top", { role: "region", "aria-label": "Session" }, brand(), line(signal), tools()), phoneBar(signal), gaps, main));
  watch({ count, links, gaps, main }, signal);
  const [first = { at: "status" }] = PLACES.filter((place) => session.may(place.scope));
  return { frame, main, first: first.at, here: (at) => mark(links, at) };
}

function brand() {
  return h("a.brand", { href: "#/live" }, h("img", { src: "icon.svg", alt: "", width: "26", height: "26" }), "sipagent");
}

function link(place, count) {
  const narrow = matchMedia("(max-width: 860px)");
  const words = h("span");
  const name = () => write(words, narrow.matches ? place.short : place.words);
  narrow.addEventListener("change", name);
  name();
  return h("a", { href: `#/${place.at}`, "data-at": place.at }, icon(place.icon), words, place.at === "live" ? count : null);
}

function mark(links, at) {
  for (const each of links) {
    if (each.dataset.at === at) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
}

function line(signal) {
  const node = h("div.wire", "Connecting…");
  const show = () => {
    node.dataset.state = feed.state;
    write(node, WORDS[feed.state]);
    node.title = feed.why;
  };
  feed.addEventListener("state", show, { signal });
  show();
  return node;
}

function tools() {
  return h("div.tools",
    themeButton(),
    h("button.plain", { type: "button", "aria-label": "Keyboard shortcuts", title: "Keyboard shortcuts (?)", on: { click: help } }, icon("help")),
    h("button.plain", { type: "button", "aria-label": "Sign out", title: "Sign out", on: { click: () => session.end() } }, icon("leave")));
}

function watch({ count, links, gaps, main }, signal) {
  let lost = false;
  feed.addEventListener("calls", () => {
    write(count, feed.count ? String(feed.count) : "");
    const live = links.find((each) => each.dataset.at === "live");
    live?.setAttribute("aria-label", feed.count ? `Live calls: ${feed.count}` : "Live calls");
  }, { signal });
  feed.addEventListener("state", () => {
    if (feed.state === "lost" && !lost) {
      lost = true;
      alarm("The connection to the server was lost. Trying again.");
      gaps.hidden = false;
      fill(gaps, h("p.notice.bad", { style: { margin: "12px 32px 0" } }, `No connection: ${feed.why}. What is shown may be out of date; trying again…`));
    } else if (feed.state === "open") {
      if (lost) say("Connected again.");
      lost = false;
      gaps.hidden = true;
      gaps.replaceChildren();
    }
  }, { signal });
  feed.addEventListener("gap", () => {
    say("Some events were missed; the list was read anew.");
    const away = h("button", { type: "button", on: { click: () => note.remove() } }, "Dismiss");
    const note = h("p.notice", "Some events were missed while this page was away. The list of calls was read anew.", away);
    main.prepend(note);
  }, { signal });
}

/** Shortcuts of every page. */
export function bindPlaces(go) {
  bind("?", "Show these shortcuts", help);
  for (const place of PLACES) {
    if (session.may(place.scope)) bind(`g ${place.key}`, place.words, () => go(place.at), "Go to");
  }
}
