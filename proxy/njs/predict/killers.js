// Images that end their worker. One that did so twice while it was computed alone, and was not computed in between, is to
// blame: it is refused as long as it is remembered. Once may be chance: the system, or somebody, ended that worker.
import crypto from 'crypto';
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
    return `${lengthOf(given)} ${crypto.createHash('sha256').update(given.file).digest('hex')}`;
}

/**
 * How often an image died alone. Its digest is made only if one of its length did.
 * @param {Given} given
 * @returns {number}
 */
function deaths(given) {
    return dictionary().get(lengthOf(given)) === undefined ? 0 : Number(dictionary().get(keyOf(given)) || 0);
}

/**
 * Remember that an image died alone.
 * @param {NginxHTTPRequest} r
 * @param {Given} given
 */
function note(r, given) {
    const key = keyOf(given);
    dictionary().set(lengthOf(given), 1);
    const count = dictionary().incr(key, 1, 0);
    r.warn(`request ${r.variables.request_identifier}: the worker of model ${given.name} ended while it computed this image `
           + `alone, ${count} of ${MAX_DEATHS} times: length and SHA-256 are ${key.slice(given.name.length + 1)}`);
}

/**
 * An image was computed after all.
 * @param {Given} given
 */
function forget(given) {
    if (deaths(given) > 0) {
        dictionary().delete(keyOf(given));
    }
}

/**
 * What stands against computing an image that has died alone so often; null for nothing.
 * @param {string} name
 * @param {number} count
 * @returns {import('http/errors.js').Failure | null}
 */
function failure(name, count) {
    return count < MAX_DEATHS ? null : errors.failure(422, `The image ends the worker of model ${name} each time it is computed; `
        + 'it is not computed again for an hour. Send another one, or the same picture saved anew.', {reason: 'killed_worker'});
}

export default {deaths, failure, forget, note};
