// Workers that TorchServe no longer starts again: it gives up after maxRetryTimeoutInSec, for good, and pauses ever longer
// before. The cause may be gone by then, so the poller has it begin anew.
// https://github.com/pytorch/serve/blob/v0.12.0/frontend/server/src/main/java/org/pytorch/serve/wlm/WorkerThread.java
import closing from 'models/closing.js';
import fs from 'fs';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('models/lifecycle.js').Description} Description */
/** @typedef {import('models/lifecycle.js').Worker} Worker */

// Rounds of the poller, about seconds, without a process of a worker: counted, so that no clock's change matters. What
// cannot load costs a few starts in so many seconds.
const ROUNDS = 20;
// The same where TorchServe might still start it by itself: longer than its longest pause (144 s), and than startupTimeout (120 s), after
// which it ends a process that has not loaded its model.
const MANY_ROUNDS = 150;

/**
 * Called by the poller once a round.
 * @param {string} name
 * @param {Description | null} description
 */
async function look(name, description) {
    const key = `without_process:${name}`;
    const archive = state.model(name).archive;
    const workers = description === null || closing.isMarked(archive) ? [] : description.workers || [];
    const rounds = counted(workers, state.read(key) || {});
    state.write(key, rounds);
    const wanted = Math.max(1, (description && description.minWorkers) || 1);
    const plan = planFor(workers, wanted, (worker) => (rounds[worker.id] ? rounds[worker.id].rounds : 0));
    if (plan !== null) {
        state.dictionary().delete(key);
        ngx.log(ngx.WARN, `model ${name} lacks ${plan.missing} worker(s), which TorchServe has given up; it is told to start them`);
        await revive(archive, plan, wanted);
    }
}

// For how many rounds each worker has had no process, and the number of its last one.
function counted(workers, before) {
    const now = {};
    workers.filter((worker) => !works(worker)).forEach((worker) => {
        const last = before[worker.id];
        now[worker.id] = {pid: worker.pid, rounds: last && last.pid === worker.pid ? last.rounds + 1 : 1};
    });
    return now;
}

// One in another container is not seen: there TorchServe's next process has another number.
function works(worker) {
    return worker.status === 'READY' || settings.same_container && lives(worker.pid);
}

/**
 * How many of the listed workers stay, and how many are missing then; null while there is nothing to do. TorchServe takes workers from
 * the end of its list: one that has given up stays in it where a READY one is behind it, which must lose nothing.
 * @param {Worker[]} workers
 * @param {number} wanted
 * @param {(worker: Worker) => number} rounds
 * @returns {{kept: number, missing: number} | null}
 */
function planFor(workers, wanted, rounds) {
    const least = settings.same_container ? ROUNDS : MANY_ROUNDS;
    if (!workers.some((worker) => worker.status === 'READY')) {
        return workers.length > 0 && workers.every((worker) => rounds(worker) >= least) ? {kept: 0, missing: wanted} : null;
    }
    let kept = workers.length;
    while (rounds(workers[kept - 1]) >= least) {
        kept -= 1;
    }
    const working = workers.slice(0, kept).filter((worker) => rounds(worker) < MANY_ROUNDS).length;
    const missing = working === workers.length ? 0 : Math.max(0, wanted - working);
    return kept < workers.length || missing > 0 ? {kept, missing} : null;
}

async function revive(archive, plan, wanted) {
    const total = plan.kept + plan.missing;
    await torchserve.scale(archive, plan.kept, plan.kept);
    await torchserve.scale(archive, total, total);
    if (total > wanted) {
        await torchserve.scale(archive, wanted, total); // what the next start shall have, of which the dead are none
    }
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
