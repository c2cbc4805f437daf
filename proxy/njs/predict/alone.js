// A prediction whose worker died is asked again alone: in a batch of its own, so that an image that ends workers takes no
// other one with it again. TorchServe makes its batches of what waits in a model's queue. So the model's other predictions
// wait here meanwhile, and their number is bounded like that of the queue.
import availability from 'models/availability.js';
import clock from 'counting/clock.js';
import gauges from 'counting/gauges.js';
import pause from 'http/pause.js';
import refresh from 'models/refresh.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/**
 * @typedef {Object} Turn  when a prediction may be sent
 * @property {import('http/errors.js').Failure} [failure]  it may not
 * @property {boolean} waited
 * @property {string} [token]  of one that is asked alone, while the others wait
 * @property {boolean} [isAlone]  whether nothing else can be in its batch, as long as the others wait
 */

// As many as wait in TorchServe's queue.
const MAX_HELD = 100;
const INTERVAL_MS = 50;
// Those that died are few, and everybody waits for them.
const SUSPECT_MS = 20;
// One that has died alone lets the others go first: they are hardly to blame.
const AGAIN_MS = 500;
// What was on its way when the others were stopped is in TorchServe's queue by then.
const ARRIVAL_MS = 1000;
// A prediction waits for others no longer than this part of its time.
const PATIENCE = 0.75;

function keyOf(name) {
    return `alone:${name}`;
}

// What is asked alone, '' for nothing. One whose process of nginx crashed stays until its time is over.
function holder(name) {
    const token = state.dictionary().get(keyOf(name));
    return token === undefined || isOver(token) ? '' : token;
}

function isOver(token) {
    return clock.now() > Number(token.split(' ')[0]);
}

/**
 * Wait until a prediction may be sent.
 * @param {string} name
 * @param {() => number} left  how many ms of the prediction's time are left
 * @returns {Promise<Turn>}
 */
async function pass(name, left) {
    if (holder(name) === '') {
        return {waited: false};
    }
    if (gauges.current(gauges.HELD, name) >= MAX_HELD) {
        return {failure: availability.busy(name), waited: false};
    }
    const late = lateness(clock.now() + left());
    while (holder(name) !== '' && clock.now() < late) {
        await hold(name, INTERVAL_MS);
    }
    goAnyway(name);
    return {waited: true};
}

/**
 * Wait until a prediction may be sent alone, and let no other be sent before `release`.
 * @param {NginxHTTPRequest} r
 * @param {string} name
 * @param {() => number} left  how many ms of the prediction's time are left
 * @param {boolean} again  whether it was asked alone before
 * @returns {Promise<Turn>}
 */
async function take(r, name, left, again) {
    const end = clock.now() + left();
    const late = lateness(end);
    const token = `${end} ${r.variables.request_id}`;
    for (let yields = again; yields || !acquire(name, token); yields = false) {
        if (clock.now() > late) {
            goAnyway(name);
            return {waited: true};
        }
        await hold(name, again ? AGAIN_MS : SUSPECT_MS);
    }
    return {waited: true, token, isAlone: await isEmptied(name, late)};
}

/**
 * Let the others go on. Whether it was alone until now.
 * @param {string} name
 * @param {Turn} turn
 */
function release(name, turn) {
    const held = turn.token !== undefined && holder(name) === turn.token;
    if (held) {
        state.dictionary().delete(keyOf(name));
    }
    return held && turn.isAlone;
}

function lateness(end) {
    return end - settings.predict_timeout * 1000 * (1 - PATIENCE);
}

function acquire(name, token) {
    const before = state.dictionary().get(keyOf(name));
    if (before !== undefined && isOver(before)) {
        state.dictionary().delete(keyOf(name));
    }
    return state.dictionary().add(keyOf(name), token);
}

// The one that is asked alone learns by this that it no longer is.
function goAnyway(name) {
    if (holder(name) !== '') {
        state.dictionary().delete(keyOf(name));
    }
}

// What waits does not count as being on its way to TorchServe. It does again before it looks whether it may go: else one
// that is asked alone could miss it.
async function hold(name, ms) {
    gauges.add(gauges.HELD, name, 1);
    await pause(ms);
    gauges.add(gauges.HELD, name, -1);
}

// Wait until TorchServe's queue has no other prediction, and none is on its way there.
async function isEmptied(name, late) {
    const begin = clock.now();
    try {
        while (clock.now() < late) {
            if ((others(name) <= 0 || clock.now() - begin > ARRIVAL_MS) && await isQueueEmpty(name)) {
                return true;
            }
            await pause(INTERVAL_MS);
        }
    } catch (error) {
        refresh.recordFailure(error);
    }
    return false;
}

function others(name) {
    return gauges.current(gauges.IN_FLIGHT, name) - gauges.current(gauges.HELD, name) - 1;
}

async function isQueueEmpty(name) {
    const description = await torchserve.describe(state.model(name).archive);
    return description === null || description.jobQueueStatus.pendingRequests === 0;
}

export default {pass, release, take};
