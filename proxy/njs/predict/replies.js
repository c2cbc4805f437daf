// What a reply of TorchServe to a prediction means for the client.
import availability from 'models/availability.js';
import errors from 'http/errors.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{failure?: Failure, status?: number, body?: string}} Outcome  a failure, or an answer to pass on */

// The handler's own answers begin so; TorchServe's begin with {"code": …}. TorchServe closes the connection after an
// error of its own, and its body may be lost with it: the status alone must lead to a sensible answer.
const HANDLER_BODY = /^\s*\{\s*"success"\s*:/;

/**
 * @param {string} name
 * @param {NginxHTTPRequest} reply
 * @returns {Outcome}
 */
function interpret(name, reply) {
    const body = String(reply.responseText || '');
    // 502 and 504 are nginx's own, in the same shape as the handler's.
    if (HANDLER_BODY.test(body) && reply.status !== 502 && reply.status !== 504) {
        return {status: reply.status, body};
    }
    return {failure: byStatus(name, /Worker died/.test(body) ? 507 : reply.status, body)};
}

function byStatus(name, status, body) {
    switch (status) {
    case 400:
        // TorchServe was started again and has new keys.
        return repeatable(availability.delayed(`Model ${name} cannot answer: TorchServe has just been started again; `
                                               + 'try again shortly.', 1, 'torchserve_down'));
    case 404:
        return Object.assign(availability.broken(`Model ${name} is not registered with TorchServe; `
                                                 + 'register its archive or start the stack again.'), {absent: true});
    case 413:
        return errors.failure(413, 'The image is larger than TorchServe accepts; send one of less than 10 MiB.');
    case 502:
        return repeatable(availability.delayed(`Model ${name} cannot answer: TorchServe is not running or still starting; `
                                               + 'try again shortly.', 2, 'torchserve_down'));
    case 503:
        // The same status for a full queue, a missing worker, and an exception of the handler.
        if (!/Prediction failed/.test(body)) {
            return availability.delayed(`Model ${name} is busy: its queue is full; try again shortly.`, 1, 'queue_full');
        }
        break;
    case 504:
        return errors.failure(504, `Model ${name} gave no answer within ${settings.predict_timeout} s; try again, `
                                   + 'or with a smaller image.');
    case 507:
        return workerEnded(name);
    }
    return availability.broken(`Model ${name} failed on this image; see TorchServe's log on the server.`);
}

/**
 * For a prediction whose worker ended before it answered.
 * @param {string} name
 * @returns {Outcome}
 */
function lost(name) {
    return {failure: workerEnded(name)};
}

function workerEnded(name) {
    return repeatable(availability.delayed(`The worker of model ${name} ended while it computed; try again shortly.`, 2));
}

function repeatable(failure) {
    return Object.assign(failure, {repeat: true});
}

export default {interpret, lost};
