// POST /api/v1/predict: the form's file, as it is, to the worker of the form's model.
import answers from 'http/answers.js';
import asking from 'predict/asking.js';
import availability from 'models/availability.js';
import counters from 'counting/counters.js';
import errors from 'http/errors.js';
import input from 'predict/input.js';
import lifecycle from 'models/lifecycle.js';
import loading from 'models/loading.js';
import recovery from 'models/recovery.js';
import refresh from 'models/refresh.js';
import state from 'models/state.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */

// For so long a model that is not registered is taken for that without asking again, however many ask for it.
const ABSENCE_MS = 200;

/** @param {NginxHTTPRequest} r */
function predict(r) {
    return answer(r, input.read(r));
}

/**
 * Have the model of a form asked, and send what it says.
 * @param {NginxHTTPRequest} r
 * @param {import('predict/input.js').Input} given
 */
async function answer(r, given) {
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
    const outcome = await asking.ask(r, given);
    const failed = outcome.failure;
    if (failed === undefined || failed.reason !== 'queue_full' || !await isUnloaded(given.name)) {
        return outcome;
    }
    failure = await prepareOrWait(given.name);
    return failure === null ? asking.ask(r, given) : {failure};
}

// Why a model cannot be asked, null when it can be. It is checked again, since what is known may be a second old. A model
// without a worker is loaded.
async function prepare(name) {
    let failure = availability.failure(name, state.model(name));
    if ((mayPass(failure) || mayBeRegistered(name)) && !loading.isUnderWay(name)) {
        await refresh.tryRefresh(name);
        failure = availability.failure(name, state.model(name));
    }
    const loads = state.model(name).state === 'idle' || loading.isUnderWay(name);
    return loads && (failure === null || mayPass(failure)) ? loading.load(name) : failure;
}

// Whether it was not registered when TorchServe was last asked, and may be by now.
function mayBeRegistered(name) {
    const model = state.model(name);
    return model.state === 'absent' && Date.now() - model.asked > ABSENCE_MS;
}

// The same after a TorchServe that has ended is back, if somebody brings it back.
async function prepareOrWait(name) {
    const failure = await prepare(name);
    return mayPass(failure) ? recovery.wait(name, Date.now() + settings.predict_timeout * 1000) : failure;
}

function mayPass(failure) {
    return failure !== null && failure.retryAfter !== undefined;
}

// Whether the worker was taken away since the model was last described: TorchServe answers that like a full queue.
async function isUnloaded(name) {
    await refresh.tryRefresh(name);
    return !lifecycle.isReady(state.model(name));
}

export default {answer, predict};
