// What a reply of TorchServe to a prediction means for the client.
import availability from 'models/availability.js';
import errors from 'http/errors.js';
import supervision from 'models/supervision.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{failure?: Failure, status?: number, body?: string}} Outcome  a failure, or an answer to pass on */

// The handler's own answers begin so; TorchServe's begin with {"code": …}. TorchServe closes the connection after an
// error of its own, and its body may be lost with it: the status alone must lead to a sensible answer.
const HANDLER_BODY = /^\s*\{\s*"success"\s*:/;

// What the worker answers to a request that it did not compute (handlers/abandoned.py, image_budget.py).
const LATE = 408;
const CLIENT_GONE = 410;
const DEFERRED = 425;

/**
 * @param {string} name
 * @param {NginxHTTPRequest} reply
 * @returns {Outcome}
 */
function interpret(name, reply) {
    const body = String(reply.responseText || '');
    if (reply.status === LATE || reply.status === CLIENT_GONE) {
        return {failure: abandoned(name, reply.status)};
    }
    if (reply.status === DEFERRED) {
        return {failure: deferred(name)};
    }
    // 502 and 504 are nginx's own, in the same shape as the handler's.
    if (HANDLER_BODY.test(body) && reply.status !== 502 && reply.status !== 504) {
        return {status: reply.status, body};
    }
    // Of a worker that died it says so with 500 or 507, and the handler's own 500 has a body.
    const hasDied = /Worker died/.test(body) || reply.status === 500 && body === '';
    return {failure: byStatus(name, hasDied ? 507 : reply.status, body)};
}

// Who has left gets no answer, and for one that is really too late nginx has given up waiting. Else the clock was changed.
function abandoned(name, status) {
    const failure = availability.delayed(`Model ${name} did not compute this image: the request had waited too long, or its `
                                         + 'client seemed to have left; send it again.', 1, 'abandoned');
    return status === LATE ? repeatable(failure) : failure;
}

// Its batch had other large images to decode. It waits for another one as long as there is time, however often.
function deferred(name) {
    return Object.assign(repeatable(availability.delayed(`Model ${name} is busy with other large images; try again shortly, or with a `
                                                         + 'smaller one.', 1, 'expected_wait')), {deferred: true});
}

function byStatus(name, status, body) {
    switch (status) {
    case 400:
        // TorchServe was started again and has new keys.
        return repeatable(availability.delayed(`Model ${name} cannot answer: TorchServe has just been started again; `
                                               + 'try again shortly.', 1, 'torchserve_down'));
    case 404:
        if (supervision.ofTorchServe() === 'starting') {
            return repeatable(availability.delayed(`Model ${name} cannot answer: TorchServe is registering its models; `
                                                   + 'try again shortly.', 2, 'torchserve_down'));
        }
        return availability.broken(`Model ${name} is not registered with TorchServe; `
                                   + 'register its archive or start the stack again.');
    case 413:
        return errors.failure(413, 'The image is larger than TorchServe accepts; send one of less than 10 MiB.');
    case 502:
        return repeatable(availability.down(name));
    case 503:
        // The same status for a full queue, a missing worker, and an exception of the handler.
        if (!/Prediction failed/.test(body)) {
            return availability.busy(name);
        }
        break;
    case 504:
        return errors.failure(504, `Model ${name} gave no answer within ${settings.predict_timeout} s; try again, `
                                   + 'or with a smaller image.');
    case 507:
        return workerEnded(name, 'died');
    }
    return availability.broken(`Model ${name} failed on this image; see TorchServe's log on the server.`);
}

/**
 * For a prediction whose worker ended before it answered.
 * @param {string} name
 * @returns {Outcome}
 */
function lost(name) {
    return {failure: workerEnded(name, 'lost')};
}

function workerEnded(name, ended) {
    return Object.assign(repeatable(availability.delayed(
        `The worker of model ${name} ended while it computed; try again shortly.`, 2)), {ended});
}

function repeatable(failure) {
    return Object.assign(failure, {repeat: true});
}

export default {interpret, lost};
