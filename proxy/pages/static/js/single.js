// One model's answer.

import { predict } from "./api.js";
import { Bars, duration, percent } from "./bars.js";
import { byId, pause, showJson } from "./dom.js";
import { nameOf } from "./emotions.js";
import { isAsking } from "./key.js";
import { hideMessage, persist, showPatience } from "./message.js";

const PATIENCE = 1000; // ms until the page says why it takes long
const SMOOTHING = 250; // ms; a change is shown by two thirds after it
const WORDS = { empty: "No picture yet", busy: "…", failed: "No answer" };

/** The panel of a single answer. */
export class Single {
  #bars = new Bars(byId("bars"));
  #spoken = "";
  #shares = null; // what the bars show of the webcam, and since when
  #since = 0;
  #line = null;

  /** Show the labels of a model that was just chosen. */
  label(entry) {
    this.#bars.label(entry.emotions);
  }

  /** Ask the model and show its answer; still pictures are tried again while waiting helps. */
  async run(image, model, live, signal) {
    const attempt = () => patiently(predict(image, model, signal), model, signal);
    this.#show(live ? await attempt() : await persist(attempt, model, signal), model, live);
  }

  /** Take the answer to an earlier question away; `state` is "busy", "failed" or "empty". */
  clear(state) {
    byId("answer").dataset.state = state;
    byId("answer").setAttribute("aria-busy", state === "busy");
    byId("top").textContent = WORDS[state];
    for (const id of ["confidence", "time", "json", "spoken"]) byId(id).textContent = "";
    byId("json-box").hidden = byId("stand-in").hidden = byId("save").disabled = true;
    this.#bars.clear();
    this.#line?.clear();
    this.#shares = null;
    this.#spoken = "";
  }

  #show({ answer, milliseconds }, model, live) {
    byId("answer").dataset.state = "done";
    byId("answer").setAttribute("aria-busy", false);
    byId("top").textContent = nameOf(answer.top_emotion);
    byId("stand-in").hidden = !answer.stand_in;
    const shares = live ? this.#smooth(answer.predictions) : answer.predictions;
    byId("confidence").textContent = percent(shares[answer.top_emotion]);
    byId("time").textContent = duration(milliseconds);
    showJson(answer);
    this.#bars.show(shares, answer.top_emotion);
    hideMessage();
    this.#speak(answer, model, live);
  }

  // On the webcam the bars follow the answers with some delay instead of trembling.
  #smooth(predictions) {
    const now = performance.now();
    const part = this.#shares ? 1 - Math.exp((this.#since - now) / SMOOTHING) : 1;
    const before = this.#shares ?? predictions;
    const mixed = Object.entries(predictions).map(([label, share]) => [label, share * part + (before[label] ?? 0) * (1 - part)]);
    this.#shares = Object.fromEntries(mixed);
    this.#since = now;
    this.#trace(this.#shares);
    return this.#shares;
  }

  async #trace(shares) {
    const { Trace } = await import("./trace.js");
    this.#line ??= new Trace(byId("trace"));
    this.#line.add(shares);
  }

  // A screen reader hears every still picture's answer, but of the webcam only the changes.
  #speak({ top_emotion: top, confidence }, model, live) {
    if (live && this.#spoken === top) return;
    this.#spoken = top;
    byId("spoken").textContent = `${model}: ${nameOf(top)}, ${percent(confidence)}`;
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
