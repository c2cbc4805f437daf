// The page: a picture comes in, the chosen model or all of them are asked, the answer is shown.

import { SERVICE, ServiceError } from "./api.js";
import { COMPARISON, Comparison } from "./compare.js";
import { byId, pause } from "./dom.js";
import { Faces } from "./faces.js";
import { currentKey } from "./key.js";
import { hideMessage, showError } from "./message.js";
import { Picker } from "./picker.js";
import { Single } from "./single.js";
import { Source } from "./source.js";
import { watchService } from "./status.js";
import { wait } from "./words.js";

const single = new Single();
const faces = new Faces();
const picker = new Picker(byId("models"), choose);
const comparison = new Comparison(picker);
let picture = null; // the still picture on show, to ask again when the model changes
let running = new AbortController();

const mode = () => byId("mode").querySelector(":checked").value;
const comparing = () => mode() === "all";
const panel = () => ({ one: single, all: comparison, faces })[mode()];

function choose() {
  if (!picker.chosen) return;
  single.label(picker.entry(picker.chosen));
  showCommand();
  if (picture) ask(picture, false);
}

function changeMode() {
  byId("one").hidden = comparing();
  byId("all").hidden = !comparing();
  byId("answer").hidden = mode() !== "one";
  byId("faces").hidden = mode() !== "faces";
  byId("boxes").replaceChildren();
  byId("model-title").textContent = comparing() ? "Models" : "Model";
  choose();
}

function showCommand() {
  const name = picture?.name ?? "face.jpg";
  const key = currentKey() === null ? "" : "-H \"Authorization: Bearer $API_KEY\" ";
  byId("command").textContent =
    `curl ${key}-F 'file=@${name}' -F 'model=${picker.chosen}' ${SERVICE}api/v1/${mode() === "faces" ? "faces" : "predict"}`;
}

function take(image, live, cameraSignal) {
  picture = live ? null : image;
  showCommand();
  return picker.chosen ? ask(image, live, cameraSignal) : undefined; // else choose() asks, once the models are known
}

// A newer picture or choice replaces a question that is still running.
async function ask(image, live, cameraSignal) {
  running.abort();
  running = new AbortController();
  const signal = cameraSignal ? AbortSignal.any([running.signal, cameraSignal]) : running.signal;
  if (!live) {
    hideMessage();
    panel().age();
  }
  try {
    if (comparing()) await comparison.run(image, live, signal);
    else await panel().run(image, picker.chosen, live, signal);
    hideMessage();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ServiceError)) throw error;
    await fail(error, image, live, signal);
  }
}

async function fail(error, image, live, signal) {
  const again = !live && [500, 504].includes(error.status) ? () => ask(image, live) : null;
  showError(error, comparing() ? error.model ?? COMPARISON : picker.chosen, again);
  single.giveUp();
  if (live && wait(error)) await pause(wait(error) * 1000, signal).catch(() => {});
}

byId("mode").addEventListener("change", changeMode);
new Source(take);
watchService((answer) => {
  const known = picker.names.length;
  picker.update(answer);
  comparison.build();
  byId("all-label").textContent = `Compare all ${picker.names.length}`;
  if (picker.names.length !== known) choose();
});
