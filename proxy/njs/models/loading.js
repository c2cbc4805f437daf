// Lazy loading: a model registered without a worker gets one on its first request, which waits for it.
import availability from 'models/availability.js';
import clock from 'counting/clock.js';
import closing from 'models/closing.js';
import pause from 'http/pause.js';
import refresh from 'models/refresh.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('http/errors.js').Failure} Failure */

const INTERVAL_MS = 150;
// A lock that was not renewed for so long belongs to a request whose client has gone.
const LOCK_MS = 3000;

function lockOf(name) {
    return `loading:${name}`;
}

/**
 * Whether a request waits for this model's worker.
 * @param {string} name
 */
function isUnderWay(name) {
    const renewed = state.dictionary().get(lockOf(name));
    return renewed !== undefined && clock.now() - Number(renewed) < LOCK_MS;
}

/**
 * Load a model, or wait for the request that does so already. Resolves to why it cannot be asked, null once it
 * is READY.
 * @param {string} name
 * @returns {Promise<Failure | null>}
 */
async function load(name) {
    const deadline = clock.now() + settings.load_timeout * 1000;
    let leads = false;
    while (clock.now() < deadline) {
        const takes = !leads && acquire(name);
        leads = leads || takes;
        if (leads) {
            await lead(name, takes);
        }
        const model = state.model(name);
        const waits = state.isUp() && (model.state === 'idle' || model.state === 'starting') && !closing.isMarked(model.archive);
        if (!waits) {
            release(name, leads);
            return availability.failure(name, model);
        }
        await pause(INTERVAL_MS);
    }
    release(name, leads);
    return availability.delayed(`Model ${name} is still loading; try again shortly.`, 5);
}

// One request at a time asks TorchServe; the others read what it found.
async function lead(name, begins) {
    state.dictionary().set(lockOf(name), String(clock.now()));
    try {
        await refresh.refresh(name);
        // What was known before may be a second old: to ask for one worker takes away those that it has got since.
        if (begins && state.model(name).state === 'idle') {
            await torchserve.addWorker(state.model(name).archive);
            await refresh.refresh(name);
        }
    } catch (error) {
        refresh.recordFailure(error);
    }
}

function acquire(name) {
    return state.dictionary().add(lockOf(name), String(clock.now())) || !isUnderWay(name);
}

function release(name, leads) {
    if (leads) {
        state.dictionary().delete(lockOf(name));
    }
}

export default {isUnderWay, load};
