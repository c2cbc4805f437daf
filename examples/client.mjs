// Ask the service about pictures, in JavaScript, with nothing but the platform.
//
// In a browser, from an origin that the service lists (CORS_ORIGINS):
//   import { predict, findFaces } from "./client.mjs";
//   const answer = await predict("http://localhost:8000", input.files[0], "VGG19_CK+48");
//   const { faces } = await findFaces("http://localhost:8000", input.files[0], "VGG19_CK+48");
//
// In Node 20 or newer: every label of one picture; a line for each of many, several under way at a time; a line for
// each face of one picture:
//   SERVICE_URL=http://localhost:8000 node examples/client.mjs face.jpg VGG19_CK+48
//   node examples/client.mjs photos/*.jpg VGG19_CK+48
//   node examples/client.mjs party.jpg VGG19_CK+48 faces
//
// Where the service requires a key: a fourth argument in a browser, the variable API_KEY in Node.

const ATTEMPTS = 10;
const AT_ONCE = 8; // the service takes 64 of one client (CLIENT_REQUESTS)

/** There is no answer; `message` is the service's own, or says that it does not answer. `status` is the HTTP status, if any. */
export class ServiceError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const headersOf = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

/** The body and the response of a request. */
async function ask(url, path, options) {
  let response;
  try {
    response = await fetch(url + path, options);
  } catch {
    throw new ServiceError(`Nothing answers at ${url}; start the service, or set SERVICE_URL`);
  }
  try {
    return [await response.json(), response];
  } catch {
    throw new ServiceError(`${url} is some other service; check SERVICE_URL`, response.status);
  }
}

/** Post an image with some fields. Waits as the service asks for while it is busy (429) or loading a model (503). */
async function post(url, path, image, fields, key) {
  const form = new FormData();
  form.append("file", image, image.name ?? "image");
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (let attempt = 1; ; attempt += 1) {
    const [answer, response] = await ask(url, path, { method: "POST", body: form, headers: headersOf(key) });
    if (answer.success) return answer;
    const wait = Number(response.headers.get("Retry-After"));
    if (!wait || attempt === ATTEMPTS) throw new ServiceError(answer.error, response.status);
    await new Promise((resume) => setTimeout(resume, wait * 1000));
  }
}

/** Ask `model` about `image` (a File or Blob) and give the service's answer; throws ServiceError without one. */
export const predict = (url, image, model, key) => post(url, "/api/v1/predict", image, { model }, key);

/** The same for each face of `image`: `{faces: [{box, landmarks, predictions, …}], …}`, the largest face first. */
export const findFaces = (url, image, model, key, options = {}) =>
  post(url, "/api/v1/faces", image, { model, ...options }, key); // options: max_faces, min_score

/**
 * Ask about many images, `atOnce` under way at a time, and give for each, in order, its answer or the ServiceError.
 * `images` are Files or Blobs, or functions that give one when it is its turn.
 */
export async function predictMany(url, images, model, key, atOnce = AT_ONCE) {
  const outcomes = [];
  const entries = images.entries(); // shared: each of the workers below takes the next one
  const work = async () => {
    for (const [index, image] of entries) {
      try {
        outcomes[index] = await predict(url, typeof image === "function" ? await image() : image, model, key);
      } catch (error) {
        outcomes[index] = error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcomes;
}

/** The catalogue: `{models: {name: {architecture, dataset, emotions, …}}, loaded_models: [name, …]}`. */
export async function models(url, key) {
  return (await ask(url, "/api/v1/models", { headers: headersOf(key) }))[0];
}

const percent = (probability) => `${(100 * probability).toFixed(1).padStart(5)} %`;

async function printFaces(url, file, model, key) {
  for (const { box, top_emotion, confidence } of (await findFaces(url, await file(), model, key)).faces) {
    const place = `${box.width}x${box.height} at ${box.x},${box.y}`;
    console.log(`${place.padEnd(20)} ${top_emotion.padEnd(10)} ${percent(confidence)}`);
  }
}

async function printPredictions(url, images, files, model, key) {
  const outcomes = await predictMany(url, files, model, key);
  for (const [index, outcome] of outcomes.entries()) {
    const path = images[index];
    if (outcome instanceof Error) {
      console.error(images.length === 1 ? outcome.message : `${path}: ${outcome.message}`);
      process.exitCode = 1;
    } else if (images.length === 1) {
      for (const [label, probability] of Object.entries(outcome.predictions)) {
        console.log(`${label.padEnd(10)} ${percent(probability)}`);
      }
    } else {
      console.log(`${percent(outcome.confidence)}  ${outcome.top_emotion.padEnd(10)} ${path}`);
    }
  }
}

async function main(words) {
  const faces = words.length === 3 && words[2] === "faces";
  const [images, model] = faces ? [[words[0]], words[1]] : [words.slice(0, -1), words.at(-1)];
  if (!images.length) throw new Error("usage: node examples/client.mjs IMAGE... MODEL, or IMAGE MODEL faces");
  const { readFile } = await import("node:fs/promises");
  const url = (process.env.SERVICE_URL ?? "http://localhost:8000").replace(/\/$/, "");
  const files = images.map((path) => async () => new Blob([await readFile(path)]));
  const key = process.env.API_KEY;
  await (faces ? printFaces(url, files[0], model, key) : printPredictions(url, images, files, model, key));
}

if (globalThis.process?.argv[1] && import.meta.url.endsWith(encodeURI(process.argv[1].split("/").at(-1)))) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
