// The service's routes. Nothing else in the page talks to the network, but for the sample drawings.

import { anotherKey, currentKey } from "./key.js";

/** The service's own address: where this file is, less /static/js/. It may be below a path of another proxy. */
export const SERVICE = new URL("../../", import.meta.url);

/** The service said no, or said nothing: `status` is 0 when there was no answer at all. */
export class ServiceError extends Error {
  constructor(message, status, retryAfter = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter; // seconds
  }
}

/** Ask one model about one image. Returns the API's answer and the time it took, in milliseconds. */
export const predict = (image, model, signal) => post("api/v1/predict", image, [model], signal);

/** The same of several models in one request. */
export const compare = (image, models, signal) => post("api/v1/compare", image, models, signal);

/** Let one model judge each face of an image. Returns the same. */
export const findFaces = (image, model, signal) => post("api/v1/faces", image, [model], signal);

async function post(path, image, models, signal) {
  const form = new FormData();
  form.append("file", image, image.name ?? "frame.jpg");
  for (const model of models) form.append("model", model);
  const start = performance.now();
  const answer = await ask(path, { method: "POST", body: form, signal });
  return { answer, milliseconds: performance.now() - start };
}

/** The catalogue and the names of the loaded models. */
export const fetchModels = () => ask("api/v1/models");

/** The service's state; "unhealthy" comes with status 503 and is an answer all the same. */
export const fetchHealth = () => ask("api/v1/health", {}, (status) => status === 503);

async function ask(path, options = {}, accepts = () => false) {
  for (;;) {
    const key = currentKey();
    const { response, answer } = await send(path, options, key);
    if (response.ok || (accepts(response.status) && !answer.error)) return answer;
    const sentence = String(answer.error ?? response.statusText);
    if (response.status !== 401) throw new ServiceError(sentence, response.status, seconds(response));
    await anotherKey(key, sentence);
    options.signal?.throwIfAborted();
  }
}

async function send(path, options, key) {
  const headers = key === null ? {} : { Authorization: `Bearer ${key}` };
  let response;
  try {
    response = await fetch(new URL(path, SERVICE), { credentials: "omit", cache: "no-store", headers, ...options });
    return { response, answer: await response.json() };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new ServiceError("There was no answer that this page understands.", response?.ok ? 0 : response?.status ?? 0);
  }
}

function seconds(response) {
  const value = Number.parseInt(response.headers.get("Retry-After"), 10);
  return Number.isNaN(value) ? null : value;
}
