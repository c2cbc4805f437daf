// One model's answer.

import { predict } from "./api.js";
import { Bars, duration, percent } from "./bars.js";
import { byId, pause } from "./dom.js";
import { isAsking } from "./key.js";
import { hideMessage, persist, showPatience } from "./message.js";

const PATIENCE = 1000; // ms until the page says why it takes long

/** The panel of a single answer. */
export class Single {
  #bars = new Bars(byId("bars"));
  #spoken = "";

  /** Show the labels of a model that was just chosen. */
  label(entry) {
    this.#bars.label(entry.emotions);
  }

  /** Ask the model and show its answer; still pictures are tried again while waiting helps. */
  async run(image, model, live, signal) {
    byId("answer").setAttribute("aria-busy", "true");
    const attempt = () => patiently(predict(image, model, signal), model, signal);
    try {
      this.#show(live ? await attempt() : await persist(attempt, model, signal), model, live);
    } finally {
      byId("answer").removeAttribute("aria-busy");
    }
  }

  /** Fade the answer of an earlier picture; the next one is on its way. */
  age() {
    if (byId("answer").dataset.state === "done") byId("answer").dataset.state = "stale";
    if (byId("answer").dataset.state === "empty") byId("top").textContent = "Waiting…";
  }

  /** Say that there will be no answer to this picture. */
  giveUp() {
    if (byId("answer").dataset.state === "empty") byId("top").textContent = "No answer";
  }

  #show({ answer, milliseconds }, model, live) {
    byId("answer").dataset.state = "done";
    byId("top").textContent = answer.top_emotion;
    byId("confidence").textContent = `${percent(answer.confidence)} confidence`;
    byId("time").textContent = duration(milliseconds);
    byId("json-box").hidden = false;
    byId("json").textContent = JSON.stringify(answer, null, 2);
    this.#bars.show(answer.predictions, answer.top_emotion);
    hideMessage();
    this.#speak(answer, model, live);
  }

  // A screen reader hears every still picture's answer, but of the webcam only the changes.
  #speak({ top_emotion: top, confidence }, model, live) {
    if (live && this.#spoken === top) return;
    this.#spoken = top;
    byId("spoken").textContent = `${model}: ${top}, ${percent(confidence, 0)}`;
  }
}

async function patiently(answer, model, signal) {
  const slow = pause(PATIENCE, signal).then(() => "slow");
  slow.catch(() => {}); // aborted together with the answer, which tells
  if ((await Promise.race([answer, slow])) === "slow" && !isAsking()) {
    showPatience(`Waiting for ${model}. A model that is not loaded yet takes some seconds the first time.`);
  }
  return answer;
}
