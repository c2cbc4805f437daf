// What the page says when the service does not answer as hoped.

const TITLES = {
  0: () => "The service does not answer",
  400: () => "This picture cannot be read",
  413: () => "This picture is too large",
  415: () => "This is not a picture the service reads",
  429: () => "Too many requests",
  500: (model) => `${model} cannot be served`,
  503: (model) => `${model} is not ready yet`,
  504: (model) => `${model} did not answer in time`,
};
const SHORT = { 429: "too many requests", 500: "cannot be served", 503: "not ready yet", 504: "no answer in time" };

/** What keeps the page from asking at all: a title and a sentence for people. */
export class Obstacle extends Error {
  constructor(title, sentence, mendable = false) {
    super(sentence);
    this.title = title;
    this.mendable = mendable; // whether a smaller picture would do
  }
}

/** A short title for an error of `model`. */
export function title(error, model) {
  return error.title ?? (TITLES[error.status] ?? (() => `The service answered with status ${error.status}`))(model);
}

/** The same in two or three words, for a card. */
export const shortly = ({ status }) => SHORT[status] ?? "no answer";

/** The rest of it: the service's own message, or what the page can say without it. */
export function detail(error) {
  if (error.status === 0) return "It may be stopped or starting again. The picture is kept and sent when it is back.";
  return error.message;
}

/** Seconds until another try makes sense, or null when it does not without a change. */
export function wait(error) {
  if (error.status === 0) return error.retryAfter ?? 3;
  return [429, 503].includes(error.status) ? Math.max(1, error.retryAfter ?? 1) : null;
}

/** One line for the service's health. */
export function health({ status, loaded_models: loaded, available_models: available, device }) {
  const count = `${loaded} of ${available} models ready`;
  return status === "unhealthy" ? `Not ready: ${count}` : `${count} on ${device === "cuda" ? "a GPU" : "the CPU"}`;
}

/** Why the service would refuse a file, as an Obstacle, or null. */
export function refusal(file) {
  const limit = 10 * 1024 * 1024 - 4096; // the form around the file counts too
  const name = file.name ?? "The picture";
  if (file.size === 0) return new Obstacle(`${name} is empty`, "Choose another one.");
  if (file.size <= limit) return null;
  const size = (file.size / 1024 / 1024).toFixed(1);
  return new Obstacle(`${name} is too large`, `It has ${size} MiB; the service takes up to 10 MiB. Choose a smaller one.`, true);
}
