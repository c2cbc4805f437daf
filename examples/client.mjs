// Ask the service about one picture, in JavaScript, with nothing but the platform.
//
// In a browser, from an origin that the service lists (CORS_ORIGINS):
//   import { predict } from "./client.mjs";
//   const answer = await predict("http://localhost:8000", input.files[0], "VGG19_CK+48");
//   const { faces } = await findFaces("http://localhost:8000", input.files[0], "VGG19_CK+48");
//
// In Node 20 or newer:
//   SERVICE_URL=http://localhost:8000 node examples/client.mjs face.jpg VGG19_CK+48
//   SERVICE_URL=http://localhost:8000 node examples/client.mjs party.jpg VGG19_CK+48 faces
//
// Where the service requires a key: a fourth argument in a browser, the variable API_KEY in Node.

const ATTEMPTS = 10;

/** The service said no; `message` is its own message, `status` the HTTP status. */
export class ServiceError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const headersOf = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

/**
 * Ask `model` about `image` (a File or Blob) and give the service's answer.
 * Waits as the service asks for while it is busy (429) or loading a model (503); throws ServiceError otherwise.
 */
export const predict = (url, image, model, key) => ask(`${url}/api/v1/predict`, image, { model }, key);

/** The same for each face of `image`: `{faces: [{box, landmarks, predictions, …}], …}`, the largest face first. */
export const findFaces = (url, image, model, key, options = {}) =>
  ask(`${url}/api/v1/faces`, image, { model, ...options }, key); // options: max_faces, min_score

async function ask(url, image, fields, key) {
  const form = new FormData();
  form.append("file", image, image.name ?? "image");
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, { method: "POST", body: form, headers: headersOf(key) });
    const answer = await response.json();
    if (answer.success) return answer;
    const wait = Number(response.headers.get("Retry-After"));
    if (!wait || attempt === ATTEMPTS) throw new ServiceError(answer.error, response.status);
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
}

/** The catalogue: `{models: {name: {architecture, dataset, emotions, …}}, loaded_models: [name, …]}`. */
export async function models(url, key) {
  return (await fetch(`${url}/api/v1/models`, { headers: headersOf(key) })).json();
}

async function main([path, model, faces]) {
  if (!path || !model || (faces ?? "faces") !== "faces") {
    throw new Error("usage: node examples/client.mjs IMAGE MODEL [faces]");
  }
  const { readFile } = await import("node:fs/promises");
  const url = process.env.SERVICE_URL ?? "http://localhost:8000";
  const image = new Blob([await readFile(path)]);
  if (faces) {
    for (const { box, top_emotion, confidence } of (await findFaces(url, image, model, process.env.API_KEY)).faces) {
      print(`${box.width}x${box.height} at ${box.x},${box.y}`.padEnd(20) + ` ${top_emotion.padEnd(10)}`, confidence);
    }
    return;
  }
  const { predictions } = await predict(url, image, model, process.env.API_KEY);
  for (const [label, probability] of Object.entries(predictions)) print(label.padEnd(10), probability);
}

const print = (text, share) => console.log(`${text} ${(100 * share).toFixed(1).padStart(5)}%`);

if (globalThis.process?.argv[1] && import.meta.url.endsWith(encodeURI(process.argv[1].split("/").at(-1)))) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
