// Whether a model can be asked, and if not, why.
import closing from 'models/closing.js';
import errors from 'http/errors.js';
import state from 'models/state.js';
import supervision from 'models/supervision.js';

// As long as it takes until something is new.
const START_SECONDS = 2;

/** @typedef {import('http/errors.js').Failure} Failure */

/**
 * It will not answer before an operator has corrected something.
 * @param {string} message
 */
function broken(message) {
    return errors.failure(500, message);
}

/**
 * It may answer soon.
 * @param {string} message
 * @param {number} retryAfter  seconds
 * @param {string} [reason]
 */
function delayed(message, retryAfter, reason) {
    return errors.failure(503, message, {retryAfter, reason});
}

/**
 * TorchServe is not there. Where it ended again and again, the supervisor waits before it starts it.
 * @param {string} name
 */
function down(name) {
    return delayed(`Model ${name} cannot answer: TorchServe is not running or still starting; try again shortly.`,
                   Math.ceil(supervision.pause()) + START_SECONDS, 'torchserve_down');
}

/**
 * To a balancer: no node is there that has it.
 * @param {string} subject  as the message begins
 */
function away(subject) {
    return delayed(`${subject} cannot answer: no node that has it can be reached; try again shortly.`, START_SECONDS, 'node_down');
}

/**
 * More wait for it than may.
 * @param {string} name
 */
function busy(name) {
    return delayed(`Model ${name} is busy: its queue is full; try again shortly.`, 1, 'queue_full');
}

/**
 * Why a model cannot be asked, null when a prediction may be tried.
 * @param {string} name
 * @param {import('models/state.js').Model} model
 * @returns {Failure | null}
 */
function failure(name, model) {
    return model.members === undefined ? ofNetwork(name, model) : ofEnsemble(name, model);
}

/**
 * Why an ensemble's entry cannot be used, null if it can.
 * @param {string} name
 */
function refusal(name) {
    const error = state.model(name).error;
    return error === '' ? null : broken(`Ensemble ${name} is not served: ${error}`);
}

function ofEnsemble(name, model) {
    const failures = model.members.map((member) => ofNetwork(member, state.model(member))).filter((found) => found !== null);
    const enough = model.missing === 'answer' ? failures.length < model.members.length : failures.length === 0;
    if (model.error !== '' || enough) {
        return refusal(name);
    }
    return delayed(`Ensemble ${name} does not answer without all its members: ${failures[0].message}`, failures[0].retryAfter || 5);
}

function ofNetwork(name, model) {
    if (closing.isMarked(model.archive)) {
        return broken(`Model ${name} is not served: it is being unregistered; choose another of those that GET /api/v1/models lists.`);
    }
    if (model.error && model.retry_after) {
        return delayed(model.error, model.retry_after);
    }
    if (model.error) {
        return broken(model.error.includes(name) ? model.error : `Model ${name} is not served: ${model.error}`);
    }
    if (model.state === 'absent' && !model.built) {
        return broken(`Model ${name} has no archive; put its checkpoint into results/, build the archive, and start the stack again.`);
    }
    if (!state.isUp()) {
        return down(name);
    }
    if (!state.isFresh()) {
        return delayed(`Model ${name} cannot answer: TorchServe has not replied for some seconds; try again shortly.`, 5, 'torchserve_down');
    }
    switch (model.state) {
    case 'absent':
        return broken(`Model ${name} is not registered with TorchServe; register its archive or start the stack again.`);
    case 'failing':
        // What its workers did before TorchServe is started again says nothing of what they do then.
        return supervision.ofTorchServe() === 'starting' ? loading(name) : broken(`Model ${name} does not load: its worker ends again and again; see TorchServe's log on the server.`);
    case 'starting':
        return loading(name);
    }
    return null;
}

function loading(name) {
    return delayed(`Model ${name} is still loading; try again shortly.`, 2, 'not_ready');
}

export default {away, broken, busy, delayed, down, failure, refusal};
