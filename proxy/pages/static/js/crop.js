// The part of the picture that a person chooses with the mouse, a finger or the arrow keys; it is cut out here, in the browser.

import { encode } from "./convert.js";
import { byId } from "./dom.js";

const FIRST = 0.7; // of the picture's sides, in its middle
const LEAST = 0.05;
const STEP = 0.02; // of an arrow key
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** The frame over the picture. `onPart(file, {width, height})` gets what was cut out of it, a JPEG; null if nothing shall be. */
export class Crop {
  #onPart;
  #picture = byId("preview");
  #frame = byId("crop-frame");
  #part = null; // left, top, width and height as fractions of the picture
  #drag = null; // what a moving pointer does: from(x, y), in the same fractions

  constructor(onPart) {
    this.#onPart = onPart;
    const stage = byId("stage");
    stage.addEventListener("pointerdown", (event) => this.#press(event));
    stage.addEventListener("pointermove", (event) => this.#drag?.(...this.#place(event)));
    for (const type of ["pointerup", "pointercancel"]) stage.addEventListener(type, () => { this.#drag = null; });
    this.#frame.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("resize", () => this.#draw());
  }

  get open() { return !this.#frame.hidden; }

  /** Show the frame, and let the keyboard move it. */
  start() {
    const edge = (1 - FIRST) / 2;
    this.#part = [edge, edge, FIRST, FIRST];
    this.#frame.hidden = false;
    this.#draw();
    this.#frame.focus({ preventScroll: true });
  }

  /** Cut out what is in the frame. */
  async finish() {
    const { naturalWidth: width, naturalHeight: height, alt } = this.#picture;
    const [left, top, wide, high] = this.#part;
    const area = [left * width, top * height, Math.max(1, wide * width), Math.max(1, high * height)];
    const name = alt.replace(/^.*: /, "").replace(/\.\w+$/, "");
    this.#frame.hidden = true;
    const { file, ...size } = await encode(this.#picture, area, `${name}-part.jpg`);
    this.#onPart(file, size);
  }

  #leave() {
    this.#frame.hidden = true;
    byId("crop").focus({ preventScroll: true });
    this.#onPart(null);
  }

  // Where the picture lies in the stage, which it fills as far as its proportions allow.
  #area() {
    const { clientWidth: wide, clientHeight: high } = this.#picture;
    const { naturalWidth, naturalHeight } = this.#picture;
    const scale = Math.min(wide / naturalWidth, high / naturalHeight);
    const [width, height] = [naturalWidth * scale, naturalHeight * scale];
    return { left: (wide - width) / 2, top: (high - height) / 2, width, height };
  }

  #place({ clientX, clientY }) {
    const box = this.#picture.getBoundingClientRect();
    const area = this.#area();
    return [clamp((clientX - box.left - area.left) / area.width, 0, 1), clamp((clientY - box.top - area.top) / area.height, 0, 1)];
  }

  // Inside the frame a drag moves it; at its lower right corner it changes the size; elsewhere it draws a new one.
  #press(event) {
    if (!this.open || event.target.closest("button")) return;
    event.preventDefault();
    byId("stage").setPointerCapture(event.pointerId);
    const [x, y] = this.#place(event);
    const [left, top, width, height] = this.#part;
    if (event.target.closest(".corner")) this.#drag = (toX, toY) => this.#span(left, top, toX, toY);
    else if (event.target === this.#frame) this.#drag = (toX, toY) => this.#set(left + toX - x, top + toY - y, width, height);
    else this.#drag = (toX, toY) => this.#span(x, y, toX, toY);
  }

  #key(event) {
    if (event.key === "Enter") this.finish();
    else if (event.key === "Escape") this.#leave();
    else if (KEYS[event.key]) {
      const [x, y] = KEYS[event.key].map((direction) => direction * STEP);
      const [left, top, width, height] = this.#part;
      if (event.shiftKey) this.#span(left, top, left + width + x, top + height + y);
      else this.#set(left + x, top + y, width, height);
    } else return;
    event.preventDefault();
  }

  #span(x, y, toX, toY) {
    this.#set(Math.min(x, toX), Math.min(y, toY), Math.abs(toX - x), Math.abs(toY - y));
  }

  #set(left, top, width, height) {
    const [wide, high] = [clamp(width, LEAST, 1), clamp(height, LEAST, 1)];
    this.#part = [clamp(left, 0, 1 - wide), clamp(top, 0, 1 - high), wide, high];
    this.#draw();
  }

  #draw() {
    if (!this.open) return;
    const area = this.#area();
    const [left, top, width, height] = this.#part;
    Object.assign(this.#frame.style, {
      left: `${area.left + left * area.width}px`,
      top: `${area.top + top * area.height}px`,
      width: `${width * area.width}px`,
      height: `${height * area.height}px`,
    });
  }
}
