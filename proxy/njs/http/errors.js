// Failures: the one object that stands for each, and the one place that makes its answer.
import answers from 'http/answers.js';

/**
 * Why there is no answer to a request.
 * @typedef {Object} Failure
 * @property {number} status  the HTTP status
 * @property {string} message  a message that names the value and what to do
 * @property {number} [retryAfter]  when to try again, seconds
 * @property {string} [reason]  label of emotion_rejections_total
 * @property {boolean} [repeat]  whether to ask TorchServe again may bring an answer
 * @property {boolean} [early]  whether it was refused before TorchServe was asked
 * @property {boolean} [deferred]  whether the worker put it off: asked again, it counts as before
 * @property {'died' | 'lost'} [ended]  for a prediction whose worker ended: TorchServe said so, or never answered
 * @property {Object<string, string>} [headers]  further headers of the answer
 */

// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u200b-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufff0-\ufffb]/g;

/**
 * @param {number} status
 * @param {string} message
 * @param {{retryAfter?: number, reason?: string, repeat?: boolean, headers?: Object<string, string>}} [more]
 * @returns {Failure}
 */
function failure(status, message, more) {
    return Object.assign({status, message}, more);
}

/**
 * @param {string} message
 * @param {string} path  the Open Inference Protocol has a shape of its own
 */
function body(message, path) {
    return JSON.stringify(/^\/v2(\/|$)/.test(path) ? {error: message} : {success: false, error: message});
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Failure} given
 */
function send(r, given) {
    const wait = given.retryAfter === undefined ? {} : {'Retry-After': String(given.retryAfter)};
    answers.send(r, given.status, body(given.message, r.uri), Object.assign({}, wait, given.headers));
}

/**
 * A client's value as a message may repeat it: in quotes, not endless, without unprintable characters.
 * @param {string} value
 */
function quote(value) {
    const text = value.length > 80 ? `${value.slice(0, 80)}…` : value;
    return `'${text.replace(UNPRINTABLE, '\ufffd')}'`;
}

export default {body, failure, quote, send};
