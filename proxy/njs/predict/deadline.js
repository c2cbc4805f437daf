// X-Request-Deadline-Ms: how long the client will wait for its answer. It shortens PREDICT_TIMEOUT for this request, and
// never lengthens it.
import clock from 'counting/clock.js';
import errors from 'http/errors.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */

const HEADER = 'X-Request-Deadline-Ms';
// The longest time of a timer, 24 days.
const MAX_MS = 2147483647;

/**
 * Note the deadline of a request that has one. Why its header cannot be used, null if it can or is not there.
 * @param {NginxHTTPRequest} r
 * @returns {import('http/errors.js').Failure | null}
 */
function note(r) {
    const text = r.headersIn[HEADER];
    if (text === undefined) {
        return null;
    }
    if (!/^[0-9]+$/.test(text) || Number(text) === 0) {
        return errors.failure(400, `The header ${HEADER} is ${errors.quote(text)}; send the milliseconds that you will wait, as a whole `
                                   + 'number above 0, or leave it out.');
    }
    // It has run since the request's first byte.
    r.variables.deadline = String(clock.connected(r) - Number(r.variables.request_time) * 1000 + Math.min(Number(text), MAX_MS));
    return null;
}

/**
 * How many milliseconds are left until the deadline; Infinity where there is none.
 * @param {NginxHTTPRequest} r
 */
function left(r) {
    return r.variables.deadline ? Number(r.variables.deadline) - clock.connected(r) : Infinity;
}

/**
 * An outcome, or that it has not come in time. What is under way then ends by itself, and asks nothing more.
 * @param {NginxHTTPRequest} r
 * @param {string} name  of the model
 * @param {Promise<Outcome>} outcome
 * @returns {Promise<Outcome>}
 */
async function within(r, name, outcome) {
    let timer;
    /** @type {Promise<Outcome>} */
    const late = new Promise((resolve) => {
        timer = setTimeout(() => {
            timer = undefined;
            resolve({failure: missed(r, name)});
        }, Math.max(0, left(r)));
    });
    try {
        return await Promise.race([outcome, late]);
    } finally {
        // To clear a timer that is over crashes njs.
        if (timer !== undefined) {
            clearTimeout(timer);
        }
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} name
 */
function missed(r, name) {
    return errors.failure(504, `Model ${name} gave no answer within the ${Number(r.headersIn[HEADER])} ms of ${HEADER}; try again, or allow more.`);
}

export default {left, missed, note, within};
