// Workers that TorchServe no longer starts again: it gives up after maxRetryTimeoutInSec, for good, and pauses ever longer
// before. The cause may be gone by then, so the poller has it begin anew.
// https://github.com/pytorch/serve/blob/v0.12.0/frontend/server/src/main/java/org/pytorch/serve/wlm/WorkerThread.java
import closing from 'models/closing.js';
import fs from 'fs';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('models/lifecycle.js').Description} Description */

// Rounds of the poller, about seconds, without any process of the model: counted, so that no clock's change matters. What
// cannot load costs a few starts in so many seconds.
const ROUNDS = 20;

/**
 * Called by the poller once a round.
 * @param {string} name
 * @param {Description | null} description
 */
async function look(name, description) {
    const key = `without_process:${name}`;
    const archive = state.model(name).archive;
    if (!isGivenUp(description) || closing.isMarked(archive)) {
        state.dictionary().delete(key);
        return;
    }
    const rounds = Number(state.dictionary().get(key) || 0) + 1;
    state.dictionary().set(key, String(rounds % ROUNDS));
    if (rounds === ROUNDS) {
        ngx.log(ngx.WARN, `model ${name} has had no worker for ${ROUNDS} s; TorchServe is told to start one`);
        await torchserve.restartWorkers(archive, Math.max(1, description.minWorkers || 1));
    }
}

function isGivenUp(description) {
    const workers = description === null ? [] : description.workers || [];
    return workers.length > 0 && workers.every((worker) => worker.status !== 'READY' && !lives(worker.pid));
}

function lives(pid) {
    try {
        fs.statSync(`/proc/${pid}`);
        return true;
    } catch (error) {
        return false;
    }
}

export default {look};
