// A graph drawn in layers from the top, ways between nodes as curves. Layout is a pure function.

import { h, svg } from "../dom.js";
import { plural } from "../format.js";

const WIDTH = 168;
const HEIGHT = 42;
const ACROSS = 26;
const DOWN = 62;
const SWEEPS = 6;

/** Where each node stands: `{nodes: Map id -> {x, y, node}, width, height}`. */
export function layout(nodes, edges) {
  const layers = layersOf(nodes, edges);
  order(layers, edges);
  const widest = Math.max(...layers.map((layer) => layer.length));
  const width = widest * (WIDTH + ACROSS) + ACROSS;
  const placed = new Map();
  layers.forEach((layer, depth) => {
    const left = (width - layer.length * (WIDTH + ACROSS) + ACROSS) / 2;
    layer.forEach((node, index) => placed.set(node.id, { node, x: left + index * (WIDTH + ACROSS), y: 16 + depth * (HEIGHT + DOWN) }));
  });
  return { nodes: placed, width, height: layers.length * (HEIGHT + DOWN) - DOWN + 32 };
}

/** Each node below all that lead to it; ways back up do not count. */
function layersOf(nodes, edges) {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const next = new Map(nodes.map((node) => [node.id, []]));
  for (const { from, to } of edges) if (known.has(from) && known.has(to) && from !== to) next.get(from).push(to);
  const back = new Set();
  const seen = new Map();
  function walk(id) {
    seen.set(id, "open");
    for (const to of next.get(id)) {
      if (seen.get(to) === "open") back.add(`${id}\n${to}`);
      else if (!seen.has(to)) walk(to);
    }
    seen.set(id, "done");
  }
  for (const node of nodes) if (!seen.has(node.id)) walk(node.id);
  const depth = new Map(nodes.map((node) => [node.id, 0]));
  // at most as many rounds as nodes: without the ways back there is no circle
  for (let round = 0; round < nodes.length; round += 1) {
    let moved = false;
    for (const [id, targets] of next) {
      for (const to of targets) {
        if (back.has(`${id}\n${to}`) || depth.get(to) > depth.get(id)) continue;
        depth.set(to, depth.get(id) + 1);
        moved = true;
      }
    }
    if (!moved) break;
  }
  const layers = [];
  for (const node of nodes) (layers[depth.get(node.id)] ||= []).push(node);
  return layers.filter(Boolean);
}

/** Neighbours near each other: each layer by the mean place of what it is joined to. */
function order(layers, edges) {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const place = new Map(layers.flatMap((layer) => layer.map((node, index) => [node.id, (index + 0.5) / layer.length])));
    for (const layer of layers) {
      const want = new Map(layer.map((node) => {
        const near = edges.flatMap(({ from, to }) => from === node.id ? [place.get(to)] : to === node.id ? [place.get(from)] : []).filter((at) => at !== undefined);
        return [node.id, near.length ? near.reduce((a, b) => a + b) / near.length : place.get(node.id)];
      }));
      layer.sort((a, b) => want.get(a.id) - want.get(b.id));
    }
  }
}

/** The picture; `wrong` are lines with a finding. */
export function drawGraph({ nodes, edges }, wrong = new Set()) {
  if (!nodes.length) return h("p.soft.in", "There is nothing in this plan.");
  const { nodes: placed, width, height } = layout(nodes, edges);
  const picture = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Graph of the plan: ${plural(nodes.length, "place")} and ${plural(edges.length, "way")} between them. The list below says the same.`,
  }, svg("defs", svg("marker", { id: "way", viewBox: "0 0 8 8", refX: "7.500", refY: "4", markerWidth: "7", markerHeight: "7", orient: "auto" }, svg("path", { d: "M0 0 8 4 0 8z" }))));
  for (const edge of edges) if (placed.has(edge.from) && placed.has(edge.to)) picture.append(way(edge, placed));
  for (const each of placed.values()) picture.append(box(each, wrong));
  return h("div.graph", { tabindex: "0", role: "region", "aria-label": "Graph of the plan" }, picture);
}

function way({ from, to, label }, placed) {
  const [a, b] = [placed.get(from), placed.get(to)];
  const down = b.y > a.y;
  const [x1, y1] = [a.x + WIDTH / 2, down ? a.y + HEIGHT : a.y + HEIGHT / 2];
  const [x2, y2] = [b.x + WIDTH / 2, down ? b.y : b.y + HEIGHT / 2];
  let d;
  let at;
  if (down) {
    const bend = Math.max(28, (y2 - y1) / 2);
    d = `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2 - 1}`;
    // near where it arrives: ways that leave one node would write over each other
    at = [x1 + (x2 - x1) * 0.66, y1 + (y2 - y1) * 0.66];
  } else {
    const side = Math.max(x1, x2) + WIDTH / 2 + 18;
    d = `M${x1 + WIDTH / 2} ${y1}C${side + 20} ${y1} ${side + 20} ${y2} ${x2 + WIDTH / 2 + 2} ${y2}`;
    at = [side, (y1 + y2) / 2];
  }
  return svg("g.edge", svg("path", { d, "marker-end": "url(#way)" }), label ? svg("text", { x: at[0], y: at[1], "text-anchor": "middle" }, short(label, 24)) : null);
}

function box({ node, x, y }, wrong) {
  const bad = node.line && wrong.has(node.line);
  return svg(`g.node.${node.kind}`, { class: bad ? "wrong" : "", transform: `translate(${x} ${y})` },
    svg("title", `${node.kind} ${node.label}${node.line ? `, line ${node.line}` : ""}`),
    svg("rect", { width: WIDTH, height: HEIGHT, rx: node.kind === "route" || node.kind === "party" ? 21 : 8 }),
    svg("text.kind", { x: WIDTH / 2, y: 15, "text-anchor": "middle" }, `${node.kind}${node.line ? ` · line ${node.line}` : ""}`),
    svg("text", { x: WIDTH / 2, y: 31, "text-anchor": "middle" }, short(node.label, 24)));
}

function short(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The same as a list: for who does not see it, and to be searched. */
export function listGraph({ nodes, edges }) {
  const names = new Map(nodes.map((node) => [node.id, `${node.kind} ${node.label}`]));
  return h("details", { style: { margin: "0 16px 14px" } }, h("summary", "As a list"), h("ul", { style: { "margin-top": "8px" } }, nodes.map((node) => {
    const ways = edges.filter((edge) => edge.from === node.id);
    return h("li", { style: { padding: "3px 0" } }, h("strong", names.get(node.id)), node.line ? h("span.soft", `, line ${node.line}`) : null,
      ways.length ? ` → ${ways.map((edge) => `${names.get(edge.to) || edge.to}${edge.label ? ` (${edge.label})` : ""}`).join("; ")}` : "");
  })));
}
