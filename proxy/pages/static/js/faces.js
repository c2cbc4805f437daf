// The faces of a picture: a box for each over the picture, and its bars in a list.

import { findFaces } from "./api.js";
import { Bars, duration, percent } from "./bars.js";
import { placeInFrame } from "./camera.js";
import { byId, element, showJson } from "./dom.js";
import { emotionOf, nameOf } from "./emotions.js";
import { hideMessage, persist } from "./message.js";

const SVG = "http://www.w3.org/2000/svg";
const WORDS = { empty: "Every face in the picture gets an answer of its own.", busy: "…", failed: "No answer" };
const LEAST_TEXT = 12; // pixels of the screen; on a large one a 24th of the picture's height
const NOBODY = "No face is found. Under “One model” the whole picture is judged.";

/** The panel of the faces, and the drawing over the picture. */
export class Faces {
  #spoken = "";

  /** Ask the model and show what it finds; still pictures are tried again while waiting helps. */
  async run(image, model, live, signal) {
    const attempt = () => findFaces(image, model, signal);
    this.#show(live ? await attempt() : await persist(attempt, model, signal), live);
  }

  /** Take the answer to an earlier question away; `state` is "busy", "failed" or "empty". */
  clear(state) {
    byId("faces").dataset.state = state;
    byId("faces").setAttribute("aria-busy", state === "busy");
    byId("faces-found").textContent = WORDS[state];
    byId("faces-list").replaceChildren();
    byId("boxes").replaceChildren();
    this.#spoken = "";
  }

  #show({ answer, milliseconds }, live) {
    const { faces, omitted, image } = answer;
    byId("faces").dataset.state = "done";
    byId("faces").setAttribute("aria-busy", false);
    const words = faces.length === 0 ? NOBODY : `${count(faces.length)} in ${duration(milliseconds)}`;
    byId("faces-found").textContent = omitted ? `${words}, and ${omitted} more` : words;
    const list = byId("faces-list");
    list.replaceChildren(...faces.map((face, index) => card(face, index, answer.stand_in)));
    list.tabIndex = list.scrollWidth > list.clientWidth ? 0 : -1; // so that arrow keys reach the faces beside it
    const shown = live ? shownOf(byId("video")) : [0, 0, image.width, image.height];
    byId("boxes").setAttribute("viewBox", shown.join(" "));
    byId("boxes").setAttribute("preserveAspectRatio", live ? "xMidYMid slice" : "xMidYMid meet");
    byId("boxes").classList.toggle("mirrored", live); // as the webcam's own picture is
    byId("boxes").replaceChildren(...faces.map((face, index) => mark(face, index, shown, live)));
    showJson(answer);
    hideMessage();
    this.#speak(faces, live);
  }

  // A screen reader hears every still picture's answer, but of the webcam only the changes.
  #speak(faces, live) {
    const words = faces.length === 0 ? "No face is found." : `${count(faces.length)}: ${faces.map((face) => nameOf(face.top_emotion)).join(", ")}`;
    if (live && this.#spoken === words) return;
    this.#spoken = words;
    byId("spoken").textContent = words;
  }
}

const count = (number) => (number === 1 ? "1 face" : `${number} faces`);

function card(face, index, isStandIn) {
  const list = element("ul", { className: "bars" });
  list.setAttribute("aria-label", `Face ${index + 1}: probabilities`);
  const bars = new Bars(list);
  bars.show(face.predictions, face.top_emotion);
  const tag = element("span", { className: "tag", hidden: !isStandIn }, "stand-in");
  const heading = element("h3", {}, element("span", {}, `Face ${index + 1}`), tag, element("span", {}, percent(face.confidence)));
  const top = element("p", { className: "top" }, nameOf(face.top_emotion));
  return element("li", { className: "card", data: { state: "done", emotion: emotionOf(face.top_emotion) } }, heading, top, list);
}

// What the page shows of the webcam's picture, which it cuts to fill the stage: left, top, width, height in a frame's pixels.
function shownOf(video) {
  const [left, top, width, height] = placeInFrame(video);
  const scale = Math.max(video.clientWidth / width, video.clientHeight / height);
  const [wide, high] = [video.clientWidth / scale, video.clientHeight / scale];
  return [left + (width - wide) / 2, top + (height - high) / 2, wide, high];
}

/** The box of a face with its number and emotion below, in the picture's own pixels, of which `shown` is on the page. */
function mark({ box, top_emotion: top }, index, [, upper, , high], live) {
  const size = high / Math.min(24, byId("stage").clientHeight / LEAST_TEXT);
  const below = Math.min(box.y + box.height + size, upper + high - size / 4);
  const middle = box.x + box.width / 2;
  const rectangle = drawn("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: size / 4 });
  const text = drawn("text", { x: live ? -middle : middle, y: below, "font-size": size, "stroke-width": size / 5 });
  text.textContent = `${index + 1} ${nameOf(top)}`;
  const group = drawn("g", {});
  group.dataset.emotion = emotionOf(top);
  group.append(rectangle, text);
  return group;
}

function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
