// Asks TorchServe about a model and records its state.
import archive from 'models/archive.js';
import fs from 'fs';
import clock from 'counting/clock.js';
import lifecycle from 'models/lifecycle.js';
import measured from 'models/measured.js';
import state from 'models/state.js';
import supervision from 'models/supervision.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('models/lifecycle.js').Description} Description */

// How long a stack that has just started may take to register its models, ms.
const REGISTRATION_MS = 30000;

/**
 * Ask TorchServe about a model and record its state. Resolves to TorchServe's description, null for a model that is not
 * registered; throws when TorchServe does not answer.
 * @param {string} name
 * @returns {Promise<Description | null>}
 */
async function refresh(name) {
    const asked = clock.now();
    const description = await torchserve.describe(state.model(name).archive);
    state.setAnswered(true);
    record(name, description, asked);
    return description;
}

/**
 * The same where an answer is not needed.
 * @param {string} name
 */
async function tryRefresh(name) {
    try {
        await refresh(name);
    } catch (error) {
        recordFailure(error);
    }
}

// Several requests may ask at once: an answer that is older than the one recorded is ignored.
function record(name, description, asked) {
    const before = state.model(name);
    if (before.asked > asked && before.asked - asked < state.STALE_MS) {
        return;
    }
    const facts = archive.facts(description);
    const after = Object.assign(lifecycle.after(before, description), {
        asked,
        facts,
        generation: (before.generation || 0) + (isSame(before.facts, facts) ? 0 : 1),
        measured: measured.of(before.archive, description),
    });
    if (after.state === 'absent' && before.built && isComing(before)) {
        after.state = 'starting';
    }
    if (after.state !== before.state) {
        ngx.log(ngx.INFO, `model ${name} is ${after.state}, was ${before.state}`);
    }
    state.setModel(name, after);
}

function isSame(before, facts) {
    return JSON.stringify(before || null) === JSON.stringify(facts);
}

// Whether TorchServe has been started so lately that a model may still be registered; one that was seen is not, but for a
// TorchServe that was started again.
function isComing(before) {
    if (supervision.ofTorchServe() === 'starting') {
        return true;
    }
    return before.state === 'starting' && Math.abs(Date.now() - keysWritten()) < REGISTRATION_MS;
}

// The time of day at which TorchServe was started. It removes its keys before it writes new ones.
function keysWritten() {
    try {
        return fs.statSync(settings.key_file).mtimeMs;
    } catch (error) {
        return Date.now();
    }
}

/**
 * After a failed request to TorchServe: record that it is down, unless it only did not answer in time.
 * @param {Error} error
 */
function recordFailure(error) {
    if (!/time/i.test(error.message)) {
        state.setAnswered(false);
    }
}

export default {recordFailure, refresh, tryRefresh};
