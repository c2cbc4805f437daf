// All models on one picture, in one view.

import { compare, ServiceError } from "./api.js";
import { Bars, duration, percent } from "./bars.js";
import { byId, element } from "./dom.js";
import { emotionOf } from "./emotions.js";
import { countDown, hideMessage, persist, showError } from "./message.js";
import { wait } from "./words.js";

/** What messages call it. */
export const COMPARISON = "The comparison";
const NONE = { status: 200 };

/** A card for each model of the picker. */
export class Comparison {
  #picker;
  #cards = new Map();

  constructor(picker) {
    this.#picker = picker;
  }

  /** Make the cards for the catalogue's models, unless they are there already. */
  build() {
    const names = this.#picker.names;
    if ([...this.#cards.keys()].join() === names.join()) return;
    this.#cards = new Map(names.map((name) => [name, makeCard(this.#picker.entry(name))]));
    byId("grid").replaceChildren(...[...this.#cards.values()].map((card) => card.box));
    byId("legend").replaceChildren(...legend(names.map((name) => this.#picker.entry(name))));
  }

  /** Ask all models in one request; webcam frames are not repeated. */
  async run(image, live, signal) {
    if (!live) this.#mark("busy"); // on the webcam the mark would only flicker
    try {
      for (;;) {
        const attempt = () => compare(image, [...this.#cards.keys()], signal);
        const { answer, milliseconds } = live ? await attempt() : await persist(attempt, COMPARISON, signal);
        hideMessage();
        const waiting = answer.results.map((result) => this.#show(result)).find((error) => wait(error) !== null);
        sayAgreement(answer.agreement, this.#cards.size, milliseconds);
        if (!waiting) return;
        if (live) throw waiting;
        showError(waiting, waiting.model);
        await countDown(wait(waiting), signal);
      }
    } catch (error) {
      this.#mark("stale", "busy");
      throw error;
    }
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

  #mark(state, only = null) {
    for (const { box } of this.#cards.values()) if (!only || box.dataset.state === only) box.dataset.state = state;
  }

  /** Mark all answers as those of an earlier picture. */
  age() {
    this.#mark("stale", "done");
  }
}

function makeCard(entry) {
  const card = {
    top: element("p", { className: "top" }, "–"),
    figures: element("p", { className: "figures" }),
    problem: element("p", { className: "problem", hidden: true }),
    list: element("ul", { className: "bars" }),
  };
  const heading = element("h3", {}, element("span", {}, entry.architecture), element("span", {}, entry.dataset));
  const line = element("div", { className: "result-line" }, card.top, card.figures);
  card.list.setAttribute("aria-label", `${entry.architecture} ${entry.dataset}: probabilities`);
  card.box = element("article", { className: "card", data: { state: "empty" } }, heading, line, card.problem, card.list);
  card.bars = new Bars(card.list, 0);
  card.bars.label(entry.emotions);
  return card;
}

function show(card, answer) {
  card.box.dataset.state = "done";
  card.top.textContent = answer.top_emotion;
  card.figures.replaceChildren(element("span", {}, percent(answer.confidence, 0)));
  card.problem.hidden = true;
  card.bars.show(answer.predictions, answer.top_emotion);
}

function showProblem(card, error) {
  card.box.dataset.state = "failed";
  card.top.textContent = "–";
  card.figures.replaceChildren();
  card.bars.clear();
  card.problem.textContent = error.message;
  card.problem.hidden = false;
}

function sayAgreement({ top_emotion: emotion, models }, asked, milliseconds) {
  const words = `${models} of ${asked} see ${emotion}`;
  byId("agreement").replaceChildren(element("strong", {}, words), ` · ${duration(milliseconds)} for all`);
}

function legend(entries) {
  const emotions = new Set(entries.flatMap((entry) => entry.emotions.map(emotionOf)));
  return [...emotions].sort().map((emotion) => element("li", { data: { emotion } }, emotion));
}
