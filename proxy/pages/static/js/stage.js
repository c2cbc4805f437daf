// The picture on show: a still one, the webcam's, or words where there is none.

import { byId } from "./dom.js";

const SIDE = 224; // pixels; what every picture is scaled to, whatever its proportions

let address = null;

/** Show a still picture; where the browser cannot, it says so in words. */
export function showPicture(image) {
  const name = image.name ?? "the picture";
  const preview = byId("preview");
  forget();
  address = URL.createObjectURL(image);
  preview.onload = () => {
    byId("seen").getContext("2d").drawImage(preview, 0, 0, SIDE, SIDE);
    show("picture");
  };
  preview.onerror = () => showWords(`This browser cannot show ${name}.`);
  preview.alt = `The picture that was sent: ${image.name ?? "pasted"}`;
  preview.src = address;
}

/** Show the webcam's picture. */
export const showCamera = () => { forget(); show("camera"); };

/** Show the invitation. */
export const showNothing = () => { forget(); show("nothing"); };

/** Say something about the picture or its source, below it. */
export function note(words) {
  byId("source-note").textContent = words;
}

function showWords(words) {
  byId("unseen").textContent = words;
  show("words");
}

function forget() {
  const preview = byId("preview");
  preview.onload = preview.onerror = null;
  preview.removeAttribute("src");
  if (address) URL.revokeObjectURL(address);
  address = null;
  show("nothing");
}

function show(what) {
  byId("stage").dataset.showing = what;
  byId("preview").hidden = what !== "picture";
  byId("seen").hidden = what !== "picture";
  byId("unseen").hidden = what !== "words";
  byId("crop").hidden = what !== "picture";
  byId("crop-frame").hidden = true;
  byId("video").hidden = what !== "camera";
}
