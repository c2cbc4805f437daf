// What state a model is in, by what TorchServe says of its workers: ready, starting, restarting (was READY), failing,
// idle (no worker wanted), absent (not registered).
import clock from 'counting/clock.js';
import state from 'models/state.js';

/** @typedef {import('models/state.js').Model} Model */
/** @typedef {{id: string, status: string, pid: number, gpu: boolean}} Worker */
/** @typedef {{modelVersion: string, modelUrl?: string, minWorkers?: number, workers?: Worker[], jobQueueStatus?: {pendingRequests: number, remainingCapacity: number}}} Description  TorchServe's */

// A worker that was READY is restarted by TorchServe; one that never was, after so many processes, does not load. As many
// more as there are further workers: each of them may have had one.
const MAX_FAILED_STARTS = 3;
const MAX_FAILED_RESTARTS = 6;
// What does not load is tried for days; so many of its processes are remembered.
const MAX_PIDS = 20;
// The same for a worker that hangs, or that TorchServe no longer restarts: longer than its start may take.
const MAX_UNREADY_MS = 180000;

/** @param {Model} model */
function isReady(model) {
    return model.state === 'ready';
}

/**
 * Whether a model is about to become READY.
 * @param {Model} model
 */
function isUnsettled(model) {
    return model.state === 'starting' || model.state === 'restarting';
}

/**
 * Whether a model has, or gets, a worker without being asked for.
 * @param {Model} model
 */
function isWanted(model) {
    return model.state !== 'absent' && model.state !== 'idle';
}

/**
 * A model as it is after TorchServe described it (null: not registered).
 * Starting and failing workers look alike there (UNLOADING); only the number of their processes tells them apart.
 * @param {Model} before
 * @param {Description | null} description
 * @returns {Model}
 */
function after(before, description) {
    const workers = description === null ? [] : description.workers || [];
    if (workers.some((worker) => worker.status === 'READY')) {
        return changed(before, 'ready', [], true, workers.some((worker) => worker.gpu));
    }
    if (workers.length === 0) {
        return changed(before, description === null ? 'absent' : 'idle', [], false, false);
    }
    const fresh = workers.map((worker) => worker.pid).filter((pid) => pid > 0 && !before.pids.includes(pid));
    const pids = before.pids.concat(fresh).slice(-MAX_PIDS);
    const since = isSeenGoingOn(before) ? before.since : clock.now();
    const found = unready(pids.length - workers.length + 1, before.served, since);
    return Object.assign(changed(before, found, pids, before.served, before.gpu), {since});
}

/**
 * A model as it is after one of its workers ended with a prediction in hand. That worker was READY, although it may have
 * been so too shortly for anybody to see.
 * @param {Model} before
 * @returns {Model}
 */
function afterDeath(before) {
    return changed(before, before.state === 'failing' ? 'restarting' : before.state, [], true, before.gpu);
}

// Whether the model was seen without a READY worker before, and TorchServe has answered since: one that hung for minutes, or
// was away, has not tried to load it all the time.
function isSeenGoingOn(before) {
    return before.pids.length > 0 && !(clock.now() - before.asked > state.STALE_MS);
}

function unready(processes, served, since) {
    const failing = processes >= (served ? MAX_FAILED_RESTARTS : MAX_FAILED_STARTS) || clock.now() - since > MAX_UNREADY_MS;
    return failing ? 'failing' : served ? 'restarting' : 'starting';
}

function changed(before, name, pids, served, gpu) {
    return Object.assign({}, before, {state: name, pids, served, gpu, since: clock.now()});
}

export default {after, afterDeath, isReady, isUnsettled, isWanted};
