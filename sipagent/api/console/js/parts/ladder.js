// The SIP ladder: who sent what to whom, one rung a message; and the same as text, to be copied.

import { fill, h, svg } from "../dom.js";
import { plural, precise } from "../format.js";

const LEFT = 84;
const COLUMN = 210;
const TOP = 46;
const RUNG = 30;

export function ladder() {
  const node = h("div.in");
  let shown = -1;
  function show(messages, zero) {
    if (messages.length === shown) return;
    shown = messages.length;
    if (!messages.length) {
      fill(node, h("p.soft", "No SIP message of this call passed the edge: it may have come by the browser."));
      return;
    }
    const open = node.querySelector("details")?.open ?? false;
    fill(node, h("div.scroll", { tabindex: "0", role: "region", "aria-label": "SIP ladder" }, draw(messages, zero)),
      h("details", { open }, h("summary", "As text"), h("pre", text(messages, zero))));
  }
  return { node, show };
}

function text(messages, zero) {
  return messages.map((m) => `${precise(m.t - zero).padStart(9)}  ${m.source.padEnd(21)} → ${m.destination.padEnd(21)}  ${m.start_line}${m.cseq ? `  [${m.cseq}]` : ""}`).join("\n");
}

function draw(messages, zero) {
  const ends = [...new Set(messages.flatMap((m) => [m.source, m.destination]))];
  const width = LEFT + COLUMN * (ends.length - 1) + 110;
  const height = TOP + RUNG * messages.length + 16;
  const x = (end) => LEFT + 50 + ends.indexOf(end) * COLUMN;
  const picture = svg("svg.ladder", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${plural(messages.length, "SIP message")} between ${ends.join(", ")}`,
  });
  picture.append(svg("defs", ["request", "answer", "refusal"].map((kind) =>
    svg("marker", { id: `tip-${kind}`, class: kind, viewBox: "0 0 8 8", refX: "7", refY: "4", markerWidth: "7", markerHeight: "7", orient: "auto-start-reverse" },
      svg("path", { d: "M0 0 8 4 0 8z" })))));
  for (const end of ends) {
    picture.append(svg("text.end", { x: x(end), y: 18, "text-anchor": "middle" }, end),
      svg("line.post", { x1: x(end), y1: 28, x2: x(end), y2: height - 6 }));
  }
  messages.forEach((message, index) => picture.append(rung(message, TOP + RUNG * index + 8, x, zero)));
  return picture;
}

function rung(message, y, x, zero) {
  const kind = kindOf(message.start_line);
  const [from, to] = [x(message.source), x(message.destination)];
  return svg(`g.rung.${kind}`,
    svg("title", `${message.start_line} ${message.cseq}`),
    svg("text.at", { x: 4, y: y + 4 }, precise(message.t - zero)),
    svg("line", { x1: from, y1: y, x2: to + (to > from ? -2 : 2), y2: y, "marker-end": `url(#tip-${kind})` }),
    svg("text", { x: (from + to) / 2, y: y - 5, "text-anchor": "middle" }, label(message)));
}

function label({ start_line: line, cseq }) {
  const status = /^SIP\/2\.0 (\d+ .*)$/.exec(line);
  const method = (cseq || "").split(" ").pop();
  const short = status ? `${status[1]}${method ? ` (${method})` : ""}` : line.split(" ")[0];
  return short.length > 34 ? `${short.slice(0, 33)}…` : short;
}

function kindOf(line) {
  const status = /^SIP\/2\.0 (\d)/.exec(line);
  if (!status) return "request";
  return Number(status[1]) >= 4 ? "refusal" : "answer";
}
