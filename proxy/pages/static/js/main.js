// The page: a picture comes in, the chosen model or all of them are asked, the answer is shown.

import { remember, wanted } from "./address.js";
import { ServiceError } from "./api.js";
import { COMPARISON, Comparison } from "./compare.js";
import { byId, pause, reveal } from "./dom.js";
import { hideMessage, showError } from "./message.js";
import { Picker } from "./picker.js";
import { Single } from "./single.js";
import { hasSample, Source } from "./source.js";
import { watchService } from "./status.js";
import { wait } from "./words.js";

const ACTIONS = ["change", "click", "drop", "paste"];
const ROUTES = { one: "predict", all: "compare", faces: "faces" };
const start = wanted();
const single = new Single();
const picker = new Picker(byId("models"), choose, start.model);
const comparison = new Comparison(picker);
let faces = null; // its part of the page is fetched when it is wanted
let picture = null; // the still picture on show, to ask again when the model changes
let sample; // its name, if it is one of the page's own
let running = new AbortController();
let acted = false; // whether the visitor has done anything yet; only then does the page scroll

const mode = () => document.documentElement.dataset.mode;
const comparing = () => mode() === "all";

function setMode(mode) {
  document.documentElement.dataset.mode = mode;
  byId("mode").querySelector(`[value="${mode}"]`).checked = true;
}

// What shows the answer of the chosen model.
async function panel() {
  if (mode() !== "faces") return single;
  const { Faces } = await import("./faces.js");
  return (faces ??= new Faces());
}

function choose() {
  if (!picker.chosen) return;
  single.label(picker.entry(picker.chosen));
  showCommand();
  remember({ mode: mode(), model: picker.chosen, sample });
  if (picture) return ask(picture);
  running.abort(); // the answer to a frame that was sent before
  return clear();
}

// The request as code; its part of the page is fetched when somebody wants to see it.
async function showCommand() {
  if (!byId("request").open || !picker.chosen) return;
  const { showRequest } = await import("./request.js");
  showRequest(ROUTES[mode()], picture?.name ?? "face.jpg", comparing() ? null : picker.chosen);
}

// A new picture; as long as the models are not known, choose() asks later.
function take(image, { live, signal, sample: name }) {
  picture = live ? null : image;
  sample = name;
  showCommand();
  if (picker.chosen && !live) remember({ mode: mode(), model: picker.chosen, sample });
  if (picker.chosen) return ask(image, live, signal);
  return undefined;
}

// There is no picture to ask about, because of `error` or because none is wanted.
function takeNone(error) {
  picture = null;
  running.abort();
  clear();
  if (error) showError(error, picker.chosen);
}

// Whatever was shown belongs to an earlier question; what comes now shall be seen.
function clear(state = "empty") {
  hideMessage();
  single.clear(state);
  comparison.clear(state);
  faces?.clear(state);
  if (acted) reveal(byId("result"));
}

// A newer picture or choice replaces a question that is still running.
async function ask(image, live = false, cameraSignal = null) {
  running.abort();
  running = new AbortController();
  const signal = cameraSignal ? AbortSignal.any([running.signal, cameraSignal]) : running.signal;
  if (!live) clear("busy");
  try {
    if (comparing()) await comparison.run(image, live, signal);
    else await (await panel()).run(image, picker.chosen, live, signal);
    hideMessage();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ServiceError)) throw error;
    await fail(error, image, live, signal);
  }
}

async function fail(error, image, live, signal) {
  const mended = live ? null : await source.mend(image, error);
  if (signal.aborted) return undefined;
  if (mended) return ask((picture = mended));
  const again = !live && [500, 504].includes(error.status) ? () => ask(image) : null;
  if (!error.model) clear("failed");
  showError(error, comparing() ? error.model ?? COMPARISON : picker.chosen, again);
  if (live && wait(error)) await pause(wait(error) * 1000, signal).catch(() => {});
  return undefined;
}

setMode(mode());
byId("mode").addEventListener("change", ({ target }) => { setMode(target.value); choose(); });
for (const event of ACTIONS) document.addEventListener(event, () => { acted = true; }, { capture: true });
byId("request").addEventListener("toggle", showCommand);
byId("languages").addEventListener("change", showCommand);
byId("copy").addEventListener("click", async () => (await import("./request.js")).copyRequest());
byId("save").addEventListener("click", async () => (await import("./card.js")).saveCard());
const source = new Source(take, takeNone);
if (hasSample(start.sample)) source.sample(start.sample);
watchService((answer) => {
  const known = picker.names.length;
  picker.update(answer);
  comparison.build();
  byId("all-label").textContent = `Compare all ${picker.names.length}`;
  if (picker.names.length !== known) choose();
});
