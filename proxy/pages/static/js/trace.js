// A line for each emotion over the last 20 seconds of the webcam, drawn over its picture.

import { emotionOf } from "./emotions.js";

const SECONDS = 20;
const LINE = 2; // CSS pixels

/** Draws into `canvas`, whose size its style decides. */
export class Trace {
  #canvas;
  #points = [];

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Add an answer's probabilities (label → 0…1) and draw. */
  add(predictions) {
    const now = performance.now();
    const shares = Object.entries(predictions).map(([label, share]) => [emotionOf(label), share]);
    this.#points.push({ now, shares: Object.fromEntries(shares) });
    this.#points = this.#points.filter((point) => now - point.now <= SECONDS * 1000);
    this.#draw(now);
  }

  /** Forget everything. */
  clear() {
    this.#points = [];
    this.#canvas.getContext("2d").clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  #draw(now) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    this.#canvas.width = width * devicePixelRatio; // which clears it too
    this.#canvas.height = height * devicePixelRatio;
    const context = this.#canvas.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    context.lineWidth = LINE;
    for (const emotion of Object.keys(this.#points.at(-1).shares)) {
      context.strokeStyle = colourOf(emotion);
      context.beginPath();
      for (const point of this.#points) {
        const x = width * (1 - (now - point.now) / (SECONDS * 1000));
        context.lineTo(x, LINE + (height - 2 * LINE) * (1 - (point.shares[emotion] ?? 0)));
      }
      context.stroke();
    }
  }
}

// The lines lie on a dark ground in both colour schemes, so the dark scheme's bright colours are the ones to use.
function colourOf(emotion) {
  const probe = document.createElement("span");
  probe.dataset.emotion = emotion;
  probe.className = "trace-colour";
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
