// The models as a table of choices: a row for each architecture, a column for each dataset.

import { percent } from "./bars.js";
import { element } from "./dom.js";

const STATES = { ready: "ready", idle: "loads when asked", waiting: "not ready" };

/** The choice of a model inside `box`; `onChoice` hears of each change. */
export class Picker {
  #box;
  #onChoice;
  #models = {};
  #choices = new Map();
  #first;

  /** `first` is the name of the model that is chosen at first; if there is none of that name, the first that is served. */
  constructor(box, onChoice, first) {
    this.#box = box;
    this.#onChoice = onChoice;
    this.#first = first;
    box.addEventListener("change", () => this.#onChoice());
  }

  /** Names of the catalogue, in its order. */
  get names() {
    return Object.keys(this.#models);
  }

  /** The chosen model's name. */
  get chosen() {
    return this.#box.querySelector(":checked")?.value;
  }

  /** A model's entry in the catalogue. */
  entry(name) {
    return this.#models[name];
  }

  /** Take an answer of /api/v1/models. */
  update({ models, loaded_models: loaded }) {
    if (Object.keys(models).join() !== this.names.join()) this.#build(models, this.chosen);
    this.#models = models;
    for (const [name, choice] of this.#choices) {
      setState(choice, stateOf(models[name], loaded.includes(name)));
      choice.label.title = [name, models[name].error, told(models[name])].filter(Boolean).join(": ");
      choice.measured.textContent = models[name].measured ? `measured ${percent(models[name].measured.accuracy / 100)}` : "";
    }
  }

  #build(models, chosen) {
    this.#models = models;
    this.#choices = new Map(this.names.map((name) => [name, makeChoice(name, models[name])]));
    const entries = Object.values(models);
    const architectures = [...new Set(entries.map((entry) => entry.architecture))];
    const datasets = [...new Set(entries.map((entry) => entry.dataset))];
    const head = datasets.map((dataset) => element("div", { className: "column" }, dataset));
    const rows = architectures.flatMap((architecture) => [
      element("div", { className: "row" }, architecture),
      ...datasets.map((dataset) => this.#cell(architecture, dataset)),
    ]);
    this.#box.style.setProperty("--datasets", datasets.length);
    this.#box.replaceChildren(element("div", { className: "corner" }, "accuracy on"), ...head, ...rows);
    const served = this.names.find((name) => !models[name].error) ?? this.names[0];
    const first = this.#choices.get(chosen ?? this.#first) ?? this.#choices.get(served);
    if (first) first.input.checked = true;
  }

  #cell(architecture, dataset) {
    const here = [...this.#choices].filter(
      ([name]) => this.#models[name].architecture === architecture && this.#models[name].dataset === dataset,
    );
    return element("div", { className: "cell" }, ...here.map(([, choice]) => choice.label));
  }
}

function told({ measured }) {
  if (!measured) return "";
  return `measured on ${measured.data}: accuracy ${percent(measured.accuracy / 100)}, mean recall ${percent(measured.mean_recall / 100)}`;
}

function stateOf(entry, loaded) {
  if (loaded) return "ready";
  return entry.error ? "waiting" : "idle";
}

function makeChoice(name, entry) {
  const input = element("input", { type: "radio", name: "model", value: name });
  const spoken = element("span", { className: "hidden-visually" }, entry.stand_in ? `${name}, ` : `${name}, accuracy `);
  const accuracy = element("span", { className: "accuracy" }, accuracyOf(name, entry));
  const measured = element("span", { className: "measured" });
  const state = element("span", { className: "state" });
  return { label: element("label", {}, input, spoken, accuracy, measured, state), input, measured, state };
}

function accuracyOf(name, entry) {
  if (entry.stand_in) return "stand-in";
  return entry.accuracy ? percent(entry.accuracy / 100) : name;
}

function setState({ state }, value) {
  if (state.dataset.state === value) return;
  state.dataset.state = value;
  state.textContent = STATES[value];
  state.classList.toggle("dot-only", value === "ready");
}
