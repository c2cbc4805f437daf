// One network's answer to one image: whether it can be asked, loading it, waiting for a TorchServe that comes back.
import asking from 'predict/asking.js';
import availability from 'models/availability.js';
import caching from 'predict/caching.js';
import clock from 'counting/clock.js';
import deadline from 'predict/deadline.js';
import lifecycle from 'models/lifecycle.js';
import loading from 'models/loading.js';
import recovery from 'models/recovery.js';
import refresh from 'models/refresh.js';
import state from 'models/state.js';
import trials from 'trials/trials.js';
import trying from 'predict/trying.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */

// For so long a model that is not registered, or does not load, is taken for that without asking again, however many ask for it.
const OUTDATED_MS = 200;

/**
 * @param {NginxHTTPRequest} r
 * @param {import('predict/asking.js').Given} given
 * @returns {Promise<Outcome>}
 */
function answer(r, given) {
    const outcome = prepared(r, given);
    return r.variables.deadline ? deadline.within(r, given.name, outcome) : outcome;
}

async function prepared(r, given) {
    const failure = await prepareOrWait(given.name);
    if (failure !== null) {
        return {failure};
    }
    // A canary's clients get its answers, not kept ones of the version that serves.
    const mayBeKept = settings.cache > 0 && !trying.takes(r, given.name, trials.of(given.name));
    return mayBeKept ? caching.answer(r, given, () => ask(r, given)) : ask(r, given);
}

async function ask(r, given) {
    const outcome = await asking.ask(r, given);
    const failed = outcome.failure;
    if (failed === undefined || failed.reason !== 'queue_full' || failed.early || !await isUnloaded(given.name)) {
        return outcome;
    }
    const failure = await prepareOrWait(given.name);
    return failure === null ? asking.ask(r, given) : {failure};
}

// Why a model cannot be asked, null when it can be. It is checked again, since what is known may be a second old. A model
// without a worker is loaded.
async function prepare(name) {
    let failure = availability.failure(name, state.model(name));
    if ((mayPass(failure) || mayBeMended(name)) && !loading.isUnderWay(name)) {
        await refresh.tryRefresh(name);
        failure = availability.failure(name, state.model(name));
    }
    const loads = state.model(name).state === 'idle' || loading.isUnderWay(name);
    return loads && (failure === null || mayPass(failure)) ? loading.load(name) : failure;
}

// Whether it was not registered or did not load when TorchServe was last asked, and may be by now.
function mayBeMended(name) {
    const model = state.model(name);
    return (model.state === 'absent' || model.state === 'failing') && clock.now() - model.asked > OUTDATED_MS;
}

// The same after a TorchServe that has ended is back, if somebody brings it back.
async function prepareOrWait(name) {
    const failure = await prepare(name);
    return mayPass(failure) ? recovery.wait(name, clock.now() + settings.predict_timeout * 1000) : failure;
}

function mayPass(failure) {
    return failure !== null && failure.retryAfter !== undefined;
}

// Whether the worker was taken away since the model was last described: TorchServe answers that like a full queue.
async function isUnloaded(name) {
    await refresh.tryRefresh(name);
    return !lifecycle.isReady(state.model(name));
}

export default {answer};
