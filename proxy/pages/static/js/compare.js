// All models on one picture, in one view.

import { predict } from "./api.js";
import { Bars, duration, percent } from "./bars.js";
import { byId, element } from "./dom.js";
import { emotionOf } from "./emotions.js";
import { hideMessage, persist } from "./message.js";
import { title, wait } from "./words.js";

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

  /** Ask every model in turn, so that each time is its own; webcam frames are not repeated. */
  async run(image, live, signal) {
    const tops = [];
    const start = performance.now();
    for (const [name, card] of this.#cards) {
      if (!live) card.box.dataset.state = "busy"; // on the webcam the mark would only flicker
      try {
        const attempt = () => predict(image, name, signal);
        const result = live ? await attempt() : await persist(attempt, name, signal);
        hideMessage();
        show(card, result);
        tops.push(result.answer.top_emotion);
      } catch (error) {
        if (signal.aborted) card.box.dataset.state = "stale";
        signal.throwIfAborted();
        showProblem(card, error, name);
        if (live && wait(error) !== null) throw error;
      }
    }
    sayAgreement(tops, this.#cards.size, performance.now() - start);
  }

  /** Mark all answers as those of an earlier picture. */
  age() {
    for (const { box } of this.#cards.values()) if (box.dataset.state === "done") box.dataset.state = "stale";
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

function show(card, { answer, milliseconds }) {
  card.box.dataset.state = "done";
  card.top.textContent = answer.top_emotion;
  card.figures.replaceChildren(
    element("span", {}, percent(answer.confidence, 0)),
    element("span", {}, duration(milliseconds)),
  );
  card.problem.hidden = true;
  card.bars.show(answer.predictions, answer.top_emotion);
}

function showProblem(card, error, name) {
  card.box.dataset.state = "failed";
  card.top.textContent = "–";
  card.figures.replaceChildren();
  card.bars.clear();
  card.problem.textContent = error.status ? error.message : title(error, name);
  card.problem.hidden = false;
}

function sayAgreement(tops, asked, milliseconds) {
  const votes = Map.groupBy(tops, emotionOf);
  const [, most] = [...votes].sort(([, one], [, other]) => other.length - one.length)[0] ?? [null, []];
  const words = most.length === 0 ? "No model answered" : `${most.length} of ${asked} see ${emotionOf(most[0])}`;
  byId("agreement").replaceChildren(element("strong", {}, words), ` · ${duration(milliseconds)} for all`);
}

function legend(entries) {
  const emotions = new Set(entries.flatMap((entry) => entry.emotions.map(emotionOf)));
  return [...emotions].sort().map((emotion) => element("li", { data: { emotion } }, emotion));
}
