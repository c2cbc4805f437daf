// POST /api/v1/predict: the form's file, as it is, to the worker of the form's model.
import answers from 'http/answers.js';
import availability from 'models/availability.js';
import counters from 'counting/counters.js';
import errors from 'http/errors.js';
import input from 'predict/input.js';
import lifecycle from 'models/lifecycle.js';
import loading from 'models/loading.js';
import pause from 'models/pause.js';
import refresh from 'models/refresh.js';
import replies from 'predict/replies.js';
import state from 'models/state.js';
import supervision from 'models/supervision.js';
import torchserve from 'models/torchserve.js';
import waiting from 'predict/waiting.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {import('predict/replies.js').Outcome} Outcome */

// A prediction that died with its worker is repeated; an image that kills workers must not do so for ever.
const MAX_REPEATS = 2;

/** @param {NginxHTTPRequest} r */
async function predict(r) {
    const given = input.read(r);
    if (given.failure) {
        return errors.send(r, given.failure);
    }
    r.variables.model = given.name;
    counters.add('emotion_predictions_in_flight', {model: given.name}, 1);
    const outcome = await predicted(r, given);
    if (outcome.failure) {
        r.variables.rejection = outcome.failure.reason || '';
        return errors.send(r, outcome.failure);
    }
    answers.send(r, outcome.status, outcome.body, {});
}

/** @returns {Promise<Outcome>} */
async function predicted(r, given) {
    let failure = await prepareOrWait(given.name);
    if (failure !== null) {
        return {failure};
    }
    const outcome = await ask(r, given);
    if (!await wasTakenAway(given.name, outcome.failure)) {
        return outcome;
    }
    failure = await prepareOrWait(given.name);
    return failure === null ? ask(r, given) : {failure};
}

// Why a model cannot be asked, null when it can be. It is checked again, since what is known may be a second old. A model
// without a worker is loaded.
async function prepare(name) {
    let failure = availability.failure(name, state.model(name));
    if (mayPass(failure) && !loading.isUnderWay(name)) {
        await refresh.tryRefresh(name);
        failure = availability.failure(name, state.model(name));
    }
    const loads = state.model(name).state === 'idle' || loading.isUnderWay(name);
    return loads && (failure === null || mayPass(failure)) ? loading.load(name) : failure;
}

// The same after a TorchServe that has ended is back, if somebody brings it back.
async function prepareOrWait(name) {
    const failure = await prepare(name);
    return mayPass(failure) ? supervision.recovery(name, Date.now() + settings.predict_timeout * 1000) : failure;
}

function mayPass(failure) {
    return failure !== null && failure.retryAfter !== undefined;
}

// Whether the model or its worker is gone since it was last described, as from a TorchServe that was just started again. A
// missing worker is answered like a full queue.
async function wasTakenAway(name, failure) {
    if (failure === undefined || !failure.absent && failure.reason !== 'queue_full') {
        return false;
    }
    await refresh.tryRefresh(name);
    return failure.absent || !lifecycle.isReady(state.model(name));
}

/**
 * Send the image until there is an answer to give.
 * @returns {Promise<Outcome>}
 */
async function ask(r, given) {
    const archive = state.model(given.name).archive;
    const start = Date.now();
    // nginx has a location for each eighth of the time-out: a repeat gets what is left.
    let eighths = 8;
    // More than one only after a loss: should TorchServe answer the older one after all, that counts.
    let asked = [];
    for (let repeats = 0; ; repeats++) {
        r.variables.inference_key = torchserve.inferenceKey();
        asked.push(r.subrequest(`/_predict/${eighths}/${archive}`, {method: 'POST', body: given.file}));
        const reply = await waiting.forReply(asked, given.name);
        await subrequestEnded();
        const outcome = reply === null ? replies.lost(given.name) : replies.interpret(given.name, reply);
        const elapsed = Date.now() - start;
        eighths = Math.floor(8 - elapsed * 8 / (settings.predict_timeout * 1000));
        if (!outcome.failure || !outcome.failure.repeat || repeats === MAX_REPEATS || eighths < 1) {
            note(r, elapsed, repeats, reply);
            return outcome;
        }
        asked = reply === null ? asked : [];
        r.log(`request ${r.variables.request_identifier}: ${outcome.failure.message} Repeated.`);
        if (outcome.failure.reason === 'torchserve_down') {
            await supervision.recovery(given.name, start + settings.predict_timeout * 1000);
        }
        torchserve.readKeys();
    }
}

// For the log and the metrics (log.js).
function note(r, elapsed, repeats, reply) {
    r.variables.torchserve_ms = String(elapsed);
    r.variables.repeats = String(repeats);
    r.variables.prediction_report = reply === null ? '' : reply.headersOut['X-Prediction-Report'] || '';
}

// njs 0.9.9 runs what waits for a subrequest while nginx still ends it. An answer to a client that has reset its connection
// fails, and would free the request under nginx: the process would crash. A timer's turn comes when that is over.
// https://github.com/nginx/njs/issues/1077
function subrequestEnded() {
    return pause(0);
}

export default {predict};
