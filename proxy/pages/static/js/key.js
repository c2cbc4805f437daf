// The key of a service that wants one: asked for when the service says so, kept until the tab is closed.

import { byId } from "./dom.js";

const PLACE = "key";
let key = sessionStorage.getItem(PLACE);
let asking = null; // the one question under way

/** The key in use, null without one. */
export const currentKey = () => key;

/** Whether the visitor is being asked for a key. */
export const isAsking = () => asking !== null;

/** Ask for another key than `refused`, with the service's own message; resolves when there is one. */
export function anotherKey(refused, sentence) {
  if (key !== refused) return Promise.resolve(); // given while the answer was on its way
  asking ??= new Promise((resolve) => show(sentence, resolve)).finally(() => { asking = null; });
  return asking;
}

function show(sentence, resolve) {
  byId("service").dataset.state = "waiting";
  byId("service").textContent = "A key is required.";
  byId("key-reason").textContent = sentence;
  byId("key-form").hidden = false;
  byId("key").focus();
  byId("key-form").onsubmit = (event) => {
    event.preventDefault();
    key = byId("key").value.trim();
    sessionStorage.setItem(PLACE, key);
    byId("key").value = "";
    byId("key-form").hidden = true;
    resolve();
  };
}
