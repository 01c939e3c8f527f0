// Elements made from data. What callers and models say becomes text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("p.note", {on: {click}}, "text", child)`. Nothing is parsed as HTML. */
export function h(name, ...rest) {
  return made((tag) => document.createElement(tag), name, rest);
}

/** The same for SVG. */
export function svg(name, ...rest) {
  return made((tag) => document.createElementNS(SVG, tag), name, rest);
}

function made(create, name, rest) {
  const [tag, ...classes] = name.split(".");
  const node = create(tag);
  if (classes.length) node.classList.add(...classes);
  let children = rest;
  const first = rest[0];
  if (first && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first)) {
    children = rest.slice(1);
    for (const [key, value] of Object.entries(first)) set(node, key, value);
  }
  append(node, children);
  return node;
}

function set(node, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key === "on") {
    for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
  } else if (key === "style") {
    for (const [name, to] of Object.entries(value)) node.style.setProperty(name, to);
  } else if (key === "class") {
    node.classList.add(...value.split(" ").filter(Boolean));
  } else if (key in node && typeof value === "boolean") {
    node[key] = value;
  } else if (key === "value") {
    node.value = value;
  } else {
    node.setAttribute(key, value === true ? "" : String(value));
  }
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

/** Other children in place of those there are. */
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

/** A text where it differs, so that selections and screen readers are left in peace. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** One of our icons, beside words that say the same. */
export function icon(name) {
  const paths = ICONS[name] || ICONS.dot;
  const made = svg("svg.icon", { viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" });
  made.append(...paths.map((d) => svg("path", { d })));
  return made;
}

const ICONS = {
  live: ["M3 10h2.500l2-5 4 10 2.500-7 1.200 2H17"],
  calls: ["M4 5h12M4 10h12M4 15h8"],
  lines: ["M10 3v5M10 8 5 12M10 8l5 4", "M3.500 12h3v4h-3zM13.500 12h3v4h-3zM8.500 2h3v2h-3z"],
  plans: ["M4 3h5v4H4zM11 13h5v4h-5zM4 13h5v4H4zM6.500 7v6M6.500 10h7v3"],
  phone: ["M5 3h3l1.500 4-2 1.500a10 10 0 0 0 4 4L13 10.500 17 12v3a2 2 0 0 1-2 2A12 12 0 0 1 3 5a2 2 0 0 1 2-2z"],
  status: ["M3 17V9M8 17V4M13 17v-6M18 17V7"],
  in: ["M15 5 6 14M6 8v6h6"],
  out: ["M5 15 14 6M8 6h6v6"],
  dot: ["M10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z"],
  light: ["M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 2v2M10 16v2M2 10h2M16 10h2M4.300 4.300l1.400 1.400M14.300 14.300l1.400 1.400M15.700 4.300l-1.400 1.400M5.700 14.300l-1.400 1.400"],
  dark: ["M16 12A6.500 6.500 0 0 1 8 4a6.500 6.500 0 1 0 8 8z"],
  auto: ["M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 3v14"],
  help: ["M7.500 7.500A2.500 2.500 0 1 1 10 10.500V12M10 15v.1"],
  leave: ["M8 4H4v12h4M9 10h8M14 7l3 3-3 3"],
};
