// The service's health and its models, asked again and again while the tab is visible.

import { fetchHealth, fetchModels } from "./api.js";
import { byId, pause } from "./dom.js";
import { health as healthWords } from "./words.js";

const SETTLED = 10_000; // ms between questions to a service that has all it needs
const UNSETTLED = 2_000;

/** Keep the line in the header true and call `onModels` with each answer of /api/v1/models. */
export async function watchService(onModels) {
  for (;;) {
    const settled = await look(onModels);
    await pause(settled ? SETTLED : UNSETTLED);
    await visible();
  }
}

async function look(onModels) {
  try {
    const [health, models] = await Promise.all([fetchHealth(), fetchModels()]);
    say(health.status, healthWords(health));
    warnOfStandIns(models.models);
    onModels(models);
    return health.status === "healthy";
  } catch {
    say("down", "The service does not answer. Asking again…");
    return false;
  }
}

function say(state, words) {
  const line = byId("service");
  line.dataset.state = state;
  if (line.textContent !== words) line.textContent = words; // a screen reader speaks each change
}

function warnOfStandIns(models) {
  const names = Object.keys(models).filter((name) => models[name].stand_in);
  const all = names.length === Object.keys(models).length;
  const which = all ? "All models are" : `${names.join(", ")}: `;
  const notice = byId("standins");
  notice.hidden = names.length === 0;
  const words = `${which} ${names.length > 1 ? "stand-ins" : "a stand-in"}: they show how the service works and know drawn faces only. `
    + "Of photographs they understand nothing: that takes real checkpoints in results/.";
  if (notice.textContent !== words) notice.textContent = words;
  byId("samples-note").textContent = all
    ? "Stand-ins serve, which know drawings only."
    : "Networks that were trained on photographs misread drawings.";
}

function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}
