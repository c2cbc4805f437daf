// The workers as TorchServe lists them: their processes, how often they were started again, their memory.
import fs from 'fs';
import counters from 'counting/counters.js';
import state from 'models/state.js';

// job_queue_size of config.properties.
const DEFAULT_QUEUE = 128;

/**
 * Record a model's workers, by TorchServe's id of each, which stays when the process changes. Called by the poller only,
 * since two that did so at once would count a restart twice.
 * @param {string} name
 * @param {import('models/lifecycle.js').Description | null} description
 */
function record(name, description) {
    const before = of(name);
    const now = countRestarts(name, name, description);
    const ready = description === null ? [] : (description.workers || []).filter((worker) => worker.status === 'READY');
    state.dictionary().set(`count:${name}`, String(ready.length));
    if (description !== null && description.jobQueueStatus) {
        const status = description.jobQueueStatus;
        state.dictionary().set(`queue:${name}`, String(status.pendingRequests + status.remainingCapacity));
        state.dictionary().set(`waiting:${name}`, String(status.pendingRequests));
    }
    noteEnds(name, Object.keys(before).some((id) => now[id] !== before[id]));
}

/**
 * The same of a version that is tried beside the one that serves, of which only restarts are told.
 * @param {string} name
 * @param {string} version
 * @param {import('models/lifecycle.js').Description | null} description
 */
function recordTried(name, version, description) {
    countRestarts(`${name} ${version}`, name, description);
}

// Returns the processes by the workers' ids, which are kept under a name.
function countRestarts(kept, model, description) {
    const before = of(kept);
    const now = {};
    (description === null ? [] : description.workers || []).forEach((worker) => {
        now[worker.id] = worker.pid > 0 ? worker.pid : before[worker.id] || 0;
        if (before[worker.id] > 0 && now[worker.id] !== before[worker.id]) {
            counters.add('emotion_worker_restarts_total', {model, version: description.modelVersion}, 1);
        }
    });
    state.write(`workers:${kept}`, now);
    return now;
}

// In the round after it too: a worker that is scaled away may take a request when TorchServe lists it no more.
function noteEnds(name, hasEnded) {
    if (hasEnded || state.dictionary().delete(`ending:${name}`)) {
        state.dictionary().set(`ends:${name}`, String(ends(name) + 1));
    }
    if (hasEnded) {
        state.dictionary().set(`ending:${name}`, '1');
    }
}

/**
 * Changes when workers of the model were seen to have ended, and once more a round later.
 * @param {string} name
 */
function ends(name) {
    return Number(state.dictionary().get(`ends:${name}`) || 0);
}

/**
 * Process ids by the workers' ids; 0 before the first process.
 * @returns {Object<string, number>}
 */
function of(name) {
    return state.read(`workers:${name}`) || {};
}

/**
 * How many of the model's are READY, as far as is known: at least one.
 * @param {string} name
 */
function count(name) {
    return Math.max(1, Number(state.dictionary().get(`count:${name}`) || 1));
}

/**
 * How many predictions TorchServe lets wait for the model: its jobQueueSize.
 * @param {string} name
 */
function queue(name) {
    return Number(state.dictionary().get(`queue:${name}`) || DEFAULT_QUEUE);
}

/**
 * How many predictions waited in TorchServe's queue when it was last asked.
 * @param {string} name
 */
function waiting(name) {
    return Number(state.dictionary().get(`waiting:${name}`) || 0);
}

/**
 * The resident memory of a model's workers, bytes; null where their processes are not seen.
 * @param {string} name
 */
function memory(name) {
    if (!settings.same_container) {
        return null;
    }
    const workers = of(name);
    return Object.keys(workers).reduce((sum, id) => sum + resident(workers[id]), 0);
}

// https://www.kernel.org/doc/html/latest/filesystems/proc.html: 0 for a process that has ended.
function resident(pid) {
    try {
        const found = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
        return found === null ? 0 : Number(found[1]) * 1024;
    } catch (error) {
        return 0;
    }
}

export default {count, ends, memory, queue, record, recordTried, waiting};
