// The player: a recording, its sound seen, in step with the transcript.

import { fill, h } from "../dom.js";
import { duration } from "../format.js";
import { ask } from "../http.js";
import { peaksOf } from "./wav.js";

/** `playing(ms)` is told where on the call's clock it is; `seek(ms)` goes there and plays. */
export function player(path, recording, { signal, zero, playing }) {
  const audio = h("audio", { preload: "auto" });
  const wave = h("canvas.wave", { width: "1200", height: "88", "aria-hidden": "true" });
  const where = h("input", { type: "range", min: "0", max: "1", step: "0.05", value: "0", disabled: true, "aria-label": "Position in the recording" });
  const clock = h("span.nowrap", "–:–– / –:––");
  const play = h("button.main", { type: "button", disabled: true, on: { click: () => audio.paused ? audio.play() : audio.pause() } }, "Play");
  const speed = h("select", { "aria-label": "Speed", on: { change: () => { audio.playbackRate = Number(speed.value); } } },
    ["1", "1.25", "1.5", "2"].map((rate) => h("option", { value: rate }, `${rate}×`)));
  const note = h("p.soft.small", "Loading the recording…");
  const node = h("section.card", { "aria-label": "Recording" }, h("div.in.player",
    play, h("div.track", wave, where), clock, speed, note));
  let url = "";
  let peaks = [];

  async function load() {
    try {
      const blob = await (await ask(path, { signal })).blob();
      if (signal.aborted) return;
      url = URL.createObjectURL(blob);
      audio.src = url;
      // a picture of hours of sound is not worth its memory
      if (recording.name.endsWith(".wav") && blob.size < 120_000_000) {
        peaks = peaksOf(await blob.arrayBuffer(), 600);
        draw();
      }
      for (const each of [play, where]) each.disabled = false;
      note.remove();
    } catch (problem) {
      if (!signal.aborted) fill(note, `The recording cannot be played: ${problem.message}`);
    }
  }

  function draw() {
    const pen = wave.getContext("2d");
    const style = getComputedStyle(wave);
    const [done, rest] = [style.getPropertyValue("--accent"), style.getPropertyValue("--line-strong")];
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    pen.clearRect(0, 0, wave.width, wave.height);
    peaks.forEach((channels, index) => {
      const x = (index / peaks.length) * wave.width;
      pen.fillStyle = index / peaks.length < share ? done : rest;
      const middle = wave.height / 2;
      const [up, down] = channels.length > 1 ? channels : [channels[0], channels[0]];
      pen.fillRect(x, middle - up * middle, Math.max(1, wave.width / peaks.length - 0.8), Math.max(1, (up + down) * middle));
    });
  }

  function moved() {
    where.value = String(audio.currentTime);
    const text = `${duration(audio.currentTime)} / ${duration(audio.duration)}`;
    clock.textContent = text;
    where.setAttribute("aria-valuetext", text);
    draw();
    playing(audio.paused && !audio.currentTime ? -1 : recording.t + audio.currentTime * 1000);
  }
  audio.addEventListener("loadedmetadata", () => {
    where.max = String(audio.duration);
    moved();
  });
  // timeupdate comes four times a second: too seldom for words
  let frame = 0;
  function step() {
    moved();
    if (!audio.paused) frame = requestAnimationFrame(step);
  }
  for (const name of ["play", "pause", "ended", "seeked"]) {
    audio.addEventListener(name, () => {
      play.textContent = audio.paused ? "Play" : "Pause";
      cancelAnimationFrame(frame);
      step();
    });
  }
  where.addEventListener("input", () => { audio.currentTime = Number(where.value); moved(); });
  signal.addEventListener("abort", () => {
    audio.pause();
    cancelAnimationFrame(frame);
    if (url) URL.revokeObjectURL(url);
  });
  load();
  return {
    node,
    toggle: () => play.click(),
    seek: (ms) => {
      audio.currentTime = Math.max(0, Math.min(audio.duration || 0, (ms - recording.t) / 1000));
      audio.play();
    },
    zero,
  };
}
