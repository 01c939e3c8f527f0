// Numbers, times and addresses as people read them.

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short" });
const YEAR = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", year: "numeric" });

/** `1:07:03`, `4:09`: from seconds. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
}

/** `12.4 s` on a call's clock: from milliseconds. */
export function offset(ms) {
  return duration(ms / 1000);
}

/** `0:12.345` on a call's clock: from milliseconds. */
export function precise(ms) {
  return `${duration(ms / 1000)}.${String(Math.max(0, Math.floor(ms)) % 1000).padStart(3, "0")}`;
}

/** `840 ms`, `2.1 s`. */
export function span(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

export function time(at) {
  return at ? TIME.format(new Date(at)) : "–";
}

/** Time for today, the day with it for before. */
export function when(at) {
  if (!at) return "–";
  const then = new Date(at);
  const today = new Date();
  if (then.toDateString() === today.toDateString()) return TIME.format(then);
  const day = then.getFullYear() === today.getFullYear() ? DAY : YEAR;
  return `${day.format(then)} ${TIME.format(then)}`;
}

/** `3 minutes ago`. */
export function ago(at, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(at).getTime()) / 1000);
  for (const [size, unit] of [[86_400, "day"], [3600, "hour"], [60, "minute"]]) {
    if (seconds >= size) return `${plural(Math.floor(seconds / size), unit)} ago`;
  }
  return "just now";
}

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** `"Ann" <sip:ann@pbx.example:5060;x=y>` as `Ann` or `ann@pbx.example`: whole in a title. */
export function party(uri) {
  if (!uri) return "unknown";
  const named = /^\s*"((?:[^"\\]|\\.)+)"/.exec(uri) || /^\s*([^"<]+?)\s*</.exec(uri);
  if (named) return named[1];
  const bare = address(uri);
  const [user, host] = bare.includes("@") ? bare.split("@") : ["", bare];
  if (!user) return host;
  const near = /^(127\.|localhost|\[::1\])/.test(host) || /^\+?\d{3,}$/.test(user);
  return near ? user : `${user}@${host.replace(/:\d+$/, "")}`;
}

/** The address alone: `ann@pbx.example`, without a name, scheme and parameters. */
export function address(uri) {
  const inside = /<([^<>]*)>\s*(;.*)?$/.exec(uri || "");
  return (inside ? inside[1] : uri || "").replace(/^(sips?|tel):/, "").split(/[;?]/)[0];
}

/** `a_word_in_code` as words. */
export function words(name) {
  return String(name || "").replaceAll("_", " ");
}

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  const units = ["kB", "MB", "GB"];
  const power = Math.min(units.length, Math.floor(Math.log2(count) / 10));
  return `${(count / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}
