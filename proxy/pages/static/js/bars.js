// Bars for the probabilities of one answer.

import { element } from "./dom.js";
import { emotionOf, inOrder, nameOf } from "./emotions.js";

/** A list of bars inside `list`; call `label` when the model changes and `show` with each answer. */
export class Bars {
  #list;
  #rows = new Map();

  constructor(list) {
    this.#list = list;
  }

  /** Make the bars, all empty, unless they are there already. */
  label(labels) {
    const names = inOrder(labels);
    if ([...this.#rows.keys()].join() === names.join()) return;
    this.#rows = new Map(names.map((name) => [name, makeRow(name)]));
    this.#list.replaceChildren(...[...this.#rows.values()].map((row) => row.item));
  }

  /** Move the bars to an answer's probabilities (label → 0…1). */
  show(predictions, top) {
    this.label(Object.keys(predictions));
    for (const [name, { item, value }] of this.#rows) {
      item.style.setProperty("--part", predictions[name]);
      value.textContent = percent(predictions[name]);
      item.classList.toggle("first", name === top);
    }
  }

  /** Empty all bars. */
  clear() {
    for (const { item, value } of this.#rows.values()) {
      item.style.setProperty("--part", 0);
      value.textContent = "";
      item.classList.remove("first");
    }
  }
}

/** 0.8532 → "85.3 %", with a space that does not break: the one way in which the page writes a share. */
export const percent = (part) => `${(part * 100).toFixed(1)}\u00a0%`;

/** 14.2 → "14 ms"; 2345 → "2.3 s". */
export const duration = (milliseconds) =>
  milliseconds < 1000 ? `${Math.round(milliseconds)}\u00a0ms` : `${(milliseconds / 1000).toFixed(1)}\u00a0s`;

function makeRow(name) {
  const fill = element("div", { className: "fill" });
  const value = element("span", { className: "value" });
  const label = element("span", { className: "label" }, nameOf(name));
  const track = element("div", { className: "track" }, fill);
  return { item: element("li", { data: { emotion: emotionOf(name) } }, label, track, value), value };
}
