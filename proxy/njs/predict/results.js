// What one of several models said of an image, as part of a larger answer; and what to say when none did.
import errors from 'http/errors.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */
/**
 * The answer of /api/v1/predict, or why there is none.
 * @typedef {Object} Result
 * @property {boolean} success
 * @property {string} model
 * @property {string} [error]
 * @property {number} [status]  what the prediction alone would have been answered with
 * @property {number} [retry_after]  seconds
 * @property {Object<string, number>} [predictions]
 * @property {string} [top_emotion]
 * @property {number} [confidence]
 * @property {string} [version]
 * @property {boolean} [stand_in]
 * @property {string[]} [missing]  of an ensemble, those that did not answer
 * @property {Object<string, string>} [members]  of an ensemble, those that answered and their versions
 */

// The image is at fault: each model says the same of it.
const OF_IMAGE = [400, 413, 415];
// Waiting helps, or may help.
const PASSING = [503, 504];

/**
 * @param {string} model
 * @param {Outcome} outcome
 * @returns {Result}
 */
function read(model, outcome) {
    const failure = outcome.failure;
    if (failure !== undefined) {
        return {success: false, model, error: failure.message, status: failure.status, retry_after: failure.retryAfter};
    }
    const body = JSON.parse(outcome.body);
    return outcome.status === 200 ? body : {success: false, model, error: body.error, status: outcome.status};
}

/**
 * The failure that the image is to blame for, null if none is.
 * @param {Result[]} failed
 */
function ofImage(failed) {
    const found = failed.find((result) => OF_IMAGE.includes(result.status));
    return found === undefined ? null : errors.failure(found.status, found.error);
}

/**
 * Why no model answered: what the image is to blame for first, then what waiting may help against.
 * @param {Result[]} failed  of each
 */
function overall(failed) {
    return ofImage(failed) || withOthers(failed, failed.length, 'models asked gave an answer');
}

/**
 * Why none of several images was answered.
 * @param {Result[]} failed  of each
 */
function ofImages(failed) {
    const own = failed.filter((result) => OF_IMAGE.includes(result.status));
    return withOthers(own.length > 0 ? own : failed, failed.length, 'images was answered');
}

function withOthers(failed, count, what) {
    const found = failed.find((result) => PASSING.includes(result.status)) || failed[0];
    const others = count === 1 ? '' : ` None of the ${count} ${what}; this is one of the reasons.`;
    return errors.failure(found.status, found.error + others, {retryAfter: found.retry_after});
}

export default {ofImage, ofImages, overall, read};
