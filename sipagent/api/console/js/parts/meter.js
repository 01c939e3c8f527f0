// A level meter: how loud a stream is, as a bar.

import { h } from "../dom.js";

/** `listen(stream)` shows it until another one, or null. */
export function meter(words) {
  const bar = h("span");
  const node = h("div", h("span.label", words), h("div.meter", { role: "meter", "aria-label": words, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" }, bar));
  const gauge = node.querySelector(".meter");
  let context = null;
  let frame = 0;
  let current = null;

  function listen(stream) {
    if (stream === current) return;
    current = stream;
    cancelAnimationFrame(frame);
    context?.close();
    context = null;
    show(0);
    if (!stream) return;
    context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const step = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
      // -60 dB is an empty bar, 0 dB a full one
      show(Math.max(0, 1 + Math.log10(power + 1e-9) / 6));
      frame = requestAnimationFrame(step);
    };
    step();
  }

  function show(level) {
    bar.style.transform = `scaleX(${Math.min(1, level).toFixed(3)})`;
    gauge.setAttribute("aria-valuenow", String(Math.round(level * 100)));
  }
  return { node, listen };
}
