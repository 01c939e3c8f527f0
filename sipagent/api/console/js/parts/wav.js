// Peaks of a WAV file of 16 bit linear samples, by channel.

/** `count` times `[0..1 per channel]`; nothing for what is no such file. */
export function peaksOf(buffer, count) {
  const view = new DataView(buffer);
  if (view.byteLength < 44 || tag(view, 0) !== "RIFF" || tag(view, 8) !== "WAVE") return [];
  let format = null;
  for (let at = 12; at + 8 <= view.byteLength;) {
    const size = view.getUint32(at + 4, true);
    if (tag(view, at) === "fmt ") format = { kind: view.getUint16(at + 8, true), channels: view.getUint16(at + 10, true), bits: view.getUint16(at + 22, true) };
    if (tag(view, at) === "data" && format) return format.kind === 1 && format.bits === 16 ? linear(view, at + 8, Math.min(size, view.byteLength - at - 8), format.channels, count) : [];
    at += 8 + size + (size % 2);
  }
  return [];
}

function tag(view, at) {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function linear(view, start, size, channels, count) {
  const frames = Math.floor(size / (2 * channels));
  const each = Math.max(1, Math.floor(frames / count));
  const found = [];
  for (let first = 0; first + each <= frames; first += each) {
    const most = new Array(channels).fill(0);
    // every eighth sample shows as much as all of them
    for (let frame = first; frame < first + each; frame += 8) {
      for (let channel = 0; channel < channels; channel += 1) {
        most[channel] = Math.max(most[channel], Math.abs(view.getInt16(start + 2 * (frame * channels + channel), true)));
      }
    }
    found.push(most.map((value) => Math.min(1, Math.sqrt(value / 32768))));
  }
  return found;
}
