// The one place for errors: it stands where the answer would be, and says what went wrong and what happens next.

import { byId, pause } from "./dom.js";
import { detail, title, wait } from "./words.js";

/** Show an error of `model`; `onAgain` is offered when a repeat may help without any change. */
export function showError(error, model, onAgain = null) {
  byId("message-title").textContent = title(error, model);
  byId("message-detail").textContent = detail(error);
  byId("message-wait").textContent = "";
  byId("again").hidden = !onAgain;
  byId("again").onclick = onAgain;
  byId("message").hidden = false;
}

/** Say what takes long. */
export function showPatience(words) {
  byId("message-title").textContent = words;
  byId("message-detail").textContent = "";
  byId("message-wait").textContent = "";
  byId("again").hidden = true;
  byId("message").hidden = false;
}

/** Take the panel away. */
export function hideMessage() {
  byId("message").hidden = true;
}

/** Count down on screen until the next try. */
export async function countDown(seconds, signal) {
  for (let left = seconds; left > 0; left -= 1) {
    byId("message-wait").textContent = `Trying again in ${left}\u00a0s.`;
    await pause(1000, signal);
  }
  byId("message-wait").textContent = "Trying again…";
}

/**
 * Attempt until it works, as long as waiting helps (429, 503, no answer).
 * Each error that waiting helps is shown with its countdown; any other one is thrown.
 */
export async function persist(attempt, model, signal) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (wait(error) === null) throw error;
      showError(error, model);
      await countDown(wait(error), signal);
    }
  }
}
