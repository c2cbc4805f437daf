// Where pictures come from: a file, a drop, the clipboard, a sample, the webcam.

import { ServiceError } from "./api.js";
import { byId, element } from "./dom.js";
import { note, showCamera, showNothing, showPicture } from "./stage.js";
import { refusal } from "./words.js";

const SAMPLES = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]; // as in strip.jpg

/** Whether the page has a drawing of this name. */
export const hasSample = (name) => SAMPLES.includes(name);

/**
 * Wire the ways to a picture.
 * `onImage(blob, {live, signal, sample})` gets each one; `onNone(error)` hears that there is none, and why if it is no wish.
 */
export class Source {
  #onImage;
  #onNone;
  #camera = null;
  #converted = null; // the last picture that was made into a JPEG
  #crop = null;
  #shown = null; // the still picture on show
  #whole = null; // the picture of which that is a part
  #turn = 0; // counts what was asked for, so that only the latest is shown

  constructor(onImage, onNone) {
    this.#onImage = onImage;
    this.#onNone = onNone;
    byId("file").addEventListener("change", (event) => this.#file(event));
    byId("camera").addEventListener("click", () => this.#toggleCamera());
    byId("freeze").addEventListener("click", () => this.#freeze());
    byId("crop").addEventListener("click", () => this.#cut());
    document.addEventListener("paste", (event) => this.#paste(event));
    this.#acceptDrops();
    byId("samples").append(...SAMPLES.map((name, index) => makeButton(name, index, () => this.sample(name))));
  }

  /** Show a drawing and hand it on. */
  async sample(name) {
    const turn = this.#begin();
    try {
      const image = await fetchSample(name);
      if (turn === this.#turn) this.#hand(image, name);
    } catch (error) {
      if (turn === this.#turn) this.#none(error);
    }
  }

  /** Show a still picture and hand it on; one that is too large is made smaller. */
  async take(image) {
    const turn = this.#begin();
    const error = refusal(image);
    if (!error) return this.#hand(image);
    this.#none();
    const file = error.mendable ? await this.#convert(image) : null;
    if (turn !== this.#turn) return;
    if (file) this.#hand(file, undefined, byId("source-note").textContent);
    else this.#none(error);
  }

  /** A JPEG instead of a picture that the service refused with `error`; null if that does not help. */
  async mend(image, error) {
    if (![413, 415].includes(error.status) || image === this.#converted) return null;
    return this.#convert(image);
  }

  // What is sent is another file, so the page says so.
  async #convert(image) {
    const turn = this.#turn;
    const { asJpeg } = await import("./convert.js");
    const jpeg = await asJpeg(image);
    if (!jpeg || turn !== this.#turn) return null;
    note(`The service does not take ${image.name ?? "the picture"} as it is: sent as a JPEG of ${jpeg.width} × ${jpeg.height}.`);
    this.#converted = jpeg.file;
    return jpeg.file;
  }

  #begin() {
    this.#camera?.stop();
    return ++this.#turn;
  }

  #hand(image, sample, words = image.name ?? "The pasted picture") {
    note(words);
    showPicture(image);
    this.#shown = image;
    this.#setWhole(null);
    this.#onImage(image, { live: false, sample });
  }

  // Choose a part of the picture, cut it out, or go back to the whole one: whatever the button says.
  async #cut() {
    if (this.#whole) return this.take(this.#whole);
    const { Crop } = await import("./crop.js");
    this.#crop ??= new Crop((file, size) => this.#takePart(file, size));
    if (this.#crop.open) return this.#crop.finish();
    this.#crop.start();
    byId("crop").textContent = "Use this part";
    return undefined;
  }

  #takePart(file, { width, height } = {}) {
    if (!file) return this.#setWhole(null);
    const whole = this.#shown;
    this.#begin();
    this.#hand(file, undefined, `A part of ${whole.name ?? "the pasted picture"}: ${width} × ${height} pixels.`);
    return this.#setWhole(whole);
  }

  #setWhole(image) {
    this.#whole = image;
    byId("crop").textContent = image ? "Whole picture" : "Crop";
  }

  #none(error = null) {
    note("");
    showNothing();
    this.#onNone(error);
  }

  #file({ target }) {
    if (target.files.length) this.take(target.files[0]);
    target.value = ""; // choosing the same file again is a change too
  }

  #paste(event) {
    const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (file) this.take(file);
    else if (!event.target.matches?.("input")) note("The clipboard holds no picture.");
  }

  #acceptDrops() {
    const stage = byId("stage");
    document.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("over"); });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) stage.classList.remove("over"); });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("over");
      if (event.dataTransfer.files.length) this.take(event.dataTransfer.files[0]);
      else note("That was no file. Save the picture first, then drop the file.");
    });
  }

  async #toggleCamera() {
    if (this.#camera?.on) return this.#camera.stop();
    const turn = this.#begin();
    this.#none();
    note("Asking for the webcam…");
    try {
      await (await this.#getCamera()).start();
    } catch (error) {
      if (turn === this.#turn) this.#none(error);
      return;
    }
    if (!this.#camera.on) return;
    note("Frames are sent as fast as they are answered.");
    showCamera();
    this.#button(true);
  }

  // Keep the frame on show as a still picture.
  async #freeze() {
    const frame = await this.#camera.frame();
    this.take(new File([frame], "webcam.jpg", { type: "image/jpeg" }));
  }

  // The webcam's part of the page is fetched when it is wanted.
  async #getCamera() {
    const { Camera } = await import("./camera.js");
    this.#camera ??= new Camera(byId("video"), {
      onFrame: (frame, signal) => this.#onImage(frame, { live: true, signal }),
      onStop: (reason) => this.#cameraStopped(reason),
    });
    return this.#camera;
  }

  #cameraStopped(reason) {
    this.#none();
    note(reason);
    this.#button(false);
  }

  #button(on) {
    byId("camera").setAttribute("aria-pressed", on);
    byId("camera").textContent = on ? "Stop the webcam" : "Use the webcam";
  }
}

// A drawing as a File. Throws ServiceError when it cannot be had.
async function fetchSample(name) {
  try {
    // The browser's own copy will do: the service may be stopped.
    const response = await fetch(new URL(`../samples/${name}.jpg`, import.meta.url), { cache: "force-cache" });
    if (response.ok) return new File([await response.blob()], `${name}.jpg`, { type: "image/jpeg" });
    throw new ServiceError(`The drawing ${name} is missing.`, response.status);
  } catch (error) {
    throw error instanceof ServiceError ? error : new ServiceError("The drawing cannot be fetched.", 0);
  }
}

function makeButton(name, index, onClick) {
  const button = element("button", { type: "button", title: name });
  button.setAttribute("aria-label", `Drawing: ${name}`);
  button.style.setProperty("--part", index / (SAMPLES.length - 1)); // its place in the strip
  button.addEventListener("click", onClick);
  return element("li", {}, button);
}
