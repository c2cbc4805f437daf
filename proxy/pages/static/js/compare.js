// All models on one picture, in one view.

import { compare, ServiceError } from "./api.js";
import { Bars, duration, percent } from "./bars.js";
import { byId, element, showJson } from "./dom.js";
import { emotionOf, nameOf } from "./emotions.js";
import { countDown, hideMessage, persist, showError } from "./message.js";
import { shortly, wait } from "./words.js";

/** What messages call it. */
export const COMPARISON = "The comparison";
const INVITATION = "Every model gets the same picture, all at once.";
const NONE = { status: 200 };

/** A card for each model of the picker. */
export class Comparison {
  #picker;
  #cards = new Map();

  constructor(picker) {
    this.#picker = picker;
  }

  /** Make the cards for the catalogue's models, unless they are there already, and say which are stand-ins. */
  build() {
    const names = this.#picker.names;
    if ([...this.#cards.keys()].join() !== names.join()) {
      this.#cards = new Map(names.map((name) => [name, makeCard(this.#picker.entry(name))]));
      byId("grid").replaceChildren(...[...this.#cards.values()].map((card) => card.box));
      byId("legend").replaceChildren(...legend(names.map((name) => this.#picker.entry(name))));
    }
    for (const [name, { tag }] of this.#cards) tag.hidden = !this.#picker.entry(name).stand_in;
  }

  /** Ask all models in one request; webcam frames are not repeated. */
  async run(image, live, signal) {
    for (;;) {
      const attempt = () => compare(image, [...this.#cards.keys()], signal);
      const { answer, milliseconds } = live ? await attempt() : await persist(attempt, COMPARISON, signal);
      hideMessage();
      showJson(answer);
      const waiting = this.#showAll(answer, milliseconds);
      if (!waiting) return;
      if (live) throw waiting;
      showError(waiting, waiting.model);
      await countDown(wait(waiting), signal);
    }
  }

  /** Take the answers to an earlier question away; `state` is "busy", "failed" or "empty". */
  clear(state) {
    for (const card of this.#cards.values()) empty(card, state);
    byId("problems").replaceChildren();
    byId("agreement").textContent = state === "empty" ? INVITATION : "";
  }

  // Returns the first error that waiting may help against.
  #showAll({ results, agreement }, milliseconds) {
    byId("problems").replaceChildren();
    const errors = results.map((result) => this.#show(result));
    sayAgreement(agreement, milliseconds);
    return errors.find((error) => wait(error) !== null);
  }

  // Show a model's result; returns its error, or one that waiting does not help against.
  #show(result) {
    const card = this.#cards.get(result.model);
    if (result.success) {
      show(card, result);
      return NONE;
    }
    const error = new ServiceError(result.error, result.status, result.retry_after);
    error.model = result.model;
    showProblem(card, error);
    return error;
  }
}

function makeCard(entry) {
  const card = {
    top: element("p", { className: "top" }, "–"),
    figures: element("p", { className: "figures" }),
    tag: element("span", { className: "tag" }, "stand-in"),
    list: element("ul", { className: "bars" }),
  };
  const heading = element("h3", {}, element("span", {}, entry.architecture), element("span", {}, entry.dataset));
  const line = element("div", { className: "result-line" }, card.top, card.figures);
  card.list.setAttribute("aria-label", `${entry.architecture} ${entry.dataset}: probabilities`);
  card.box = element("article", { className: "card", data: { state: "empty" } }, heading, card.tag, line, card.list);
  card.bars = new Bars(card.list);
  card.bars.label(entry.emotions);
  return card;
}

function show(card, answer) {
  card.box.dataset.state = "done";
  card.top.textContent = nameOf(answer.top_emotion);
  card.figures.textContent = percent(answer.confidence);
  card.bars.show(answer.predictions, answer.top_emotion);
}

function empty(card, state) {
  card.box.dataset.state = state;
  card.top.textContent = "–";
  card.figures.textContent = "";
  card.bars.clear();
}

function showProblem(card, error) {
  empty(card, "failed");
  card.top.textContent = shortly(error);
  byId("problems").append(element("li", {}, element("strong", {}, error.model), ` ${error.message}`));
}

// The service leaves those out that gave no answer, and stand-ins as long as real checkpoints answered.
function sayAgreement({ top_emotion: emotion, models, of, stand_in: standIns }, milliseconds) {
  const words = `${models} of ${of} ${standIns ? "stand-ins " : ""}see ${nameOf(emotion)}`;
  byId("agreement").replaceChildren(element("strong", {}, words), element("span", {}, `${duration(milliseconds)} for all`));
}

function legend(entries) {
  const emotions = new Set(entries.flatMap((entry) => entry.emotions.map(emotionOf)));
  return [...emotions].sort().map((emotion) => element("li", { data: { emotion } }, emotion));
}
