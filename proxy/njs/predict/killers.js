// Images that end their worker. One is to blame if it did so twice while it was computed alone, and the model has answered
// for others since the first time. Once may be chance: somebody, or the system, ended that worker. And a model that can
// compute nothing is itself to blame.
import catalogue from 'models/catalogue.js';
import counters from 'counting/counters.js';
import digests from 'predict/digest.js';
import errors from 'http/errors.js';

/** @typedef {{file: Buffer, name: string}} Given  an image and its model; another model may be able to compute it */

const MAX_DEATHS = 2;

// Forgets what is older than an hour, and the oldest when it is full (templates/http/njs.conf.j2).
function dictionary() {
    return ngx.shared.killers;
}

function lengthOf(given) {
    return `${given.name} ${given.file.length}`;
}

function keyOf(given) {
    return `${lengthOf(given)} ${digests.of(given.file)}`;
}

function answersOf(key) {
    return `${key} answers`;
}

// The key of an image that died; null for others. A digest is made only if an image of its length died.
function find(given) {
    if (dictionary().get(lengthOf(given)) === undefined) {
        return null;
    }
    const key = keyOf(given);
    return dictionary().get(key) === undefined ? null : key;
}

/**
 * How often an image died alone.
 * @param {Given} given
 * @returns {number}
 */
function deaths(given) {
    const key = find(given);
    return key === null ? 0 : Number(dictionary().get(key));
}

/**
 * Remember that an image died alone.
 * @param {NginxHTTPRequest} r
 * @param {Given} given
 */
function note(r, given) {
    const key = keyOf(given);
    dictionary().set(lengthOf(given), 1);
    dictionary().add(answersOf(key), answers(given.name));
    const count = dictionary().incr(key, 1, 0);
    r.warn(`request ${r.variables.request_identifier}: the worker of model ${given.name} ended while it computed this image `
           + `alone, ${count === 1 ? 'once' : `${count} times`}; its length and SHA-256: ${key.slice(given.name.length + 1)}`);
}

/**
 * An image was computed after all.
 * @param {Given} given
 */
function forget(given) {
    const key = find(given);
    if (key !== null) {
        dictionary().delete(key);
        dictionary().delete(answersOf(key));
    }
}

/**
 * Why an image is not computed; null if it is not to blame.
 * @param {Given} given
 * @returns {import('http/errors.js').Failure | null}
 */
function failure(given) {
    const key = find(given);
    const isToBlame = key !== null && Number(dictionary().get(key)) >= MAX_DEATHS
        && answers(given.name) > Number(dictionary().get(answersOf(key)));
    return isToBlame ? errors.failure(422, `The image ends the worker of model ${given.name} each time it is computed; it is not `
        + 'computed again for an hour. Send another one, or the same picture saved anew.', {reason: 'killed_worker'}) : null;
}

// How many images the model has answered for.
function answers(model) {
    const emotions = catalogue.entries()[model].emotions;
    return emotions.reduce((sum, emotion) => sum + counters.current('emotion_predictions_total', {model, emotion}), 0);
}

export default {deaths, failure, forget, note};
