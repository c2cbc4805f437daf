// Where pictures come from: a file, a drop, the clipboard, a sample, the webcam.

import { Camera } from "./camera.js";
import { byId, element } from "./dom.js";
import { refusal } from "./words.js";

const SAMPLES = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"];

/** Wire the image panel. `onImage(blob, live, signal)` gets each picture; `live` is true for webcam frames. */
export class Source {
  #onImage;
  #camera;
  #address = null;

  constructor(onImage) {
    this.#onImage = onImage;
    this.#camera = new Camera(byId("video"), {
      onFrame: (frame, signal) => onImage(frame, true, signal),
      onStop: (reason) => this.#cameraStopped(reason),
    });
    byId("file").addEventListener("change", (event) => this.#file(event));
    byId("camera").addEventListener("click", () => this.#toggleCamera());
    document.addEventListener("paste", (event) => this.#paste(event));
    this.#acceptDrops();
    byId("samples").append(...SAMPLES.map((name) => this.#sample(name)));
  }

  /** Show a still picture and hand it on, unless the service would refuse it. */
  take(image) {
    this.#camera.stop();
    const no = refusal(image);
    this.#say(no ?? image.name ?? "");
    if (no) return;
    URL.revokeObjectURL(this.#address);
    this.#address = URL.createObjectURL(image);
    const preview = byId("preview");
    preview.onerror = () => this.#say(`${image.name ?? "The picture"}: this browser cannot show it; it was sent all the same.`);
    preview.src = this.#address;
    preview.alt = `The picture that was sent: ${image.name ?? "pasted"}`;
    this.#show("picture");
    this.#onImage(image, false);
  }

  #file({ target }) {
    if (target.files.length) this.take(target.files[0]);
    target.value = ""; // choosing the same file again is a change too
  }

  #paste(event) {
    const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (file) this.take(file);
    else this.#say("The clipboard holds no picture.");
  }

  #acceptDrops() {
    const stage = byId("stage");
    document.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("over"); });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) stage.classList.remove("over"); });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      stage.classList.remove("over");
      if (event.dataTransfer.files.length) this.take(event.dataTransfer.files[0]);
      else this.#say("That was no file. Save the picture first, then drop the file.");
    });
  }

  #sample(name) {
    const picture = element("img", { src: new URL(`../samples/${name}.jpg`, import.meta.url).href, alt: `Drawing: ${name}`, width: 96, height: 96 });
    const button = element("button", { type: "button", title: name }, picture);
    button.addEventListener("click", async () => {
      const response = await fetch(picture.src);
      this.take(new File([await response.blob()], `${name}.jpg`, { type: "image/jpeg" }));
    });
    return element("li", {}, button);
  }

  async #toggleCamera() {
    if (this.#camera.on) return this.#camera.stop();
    this.#say("Asking for the webcam…");
    try {
      await this.#camera.start();
    } catch (error) {
      return this.#say(error.message);
    }
    this.#say("A frame a second is sent while the webcam is on.");
    this.#show("camera");
    this.#button(true);
  }

  #cameraStopped(reason) {
    this.#say(reason);
    this.#show("nothing");
    this.#button(false);
  }

  #button(on) {
    byId("camera").setAttribute("aria-pressed", on);
    byId("camera").textContent = on ? "Stop the webcam" : "Use the webcam";
  }

  #show(what) {
    byId("stage").dataset.showing = what;
    byId("preview").hidden = what !== "picture";
    byId("video").hidden = what !== "camera";
  }

  #say(words) {
    byId("source-note").textContent = words;
  }
}
