// Unregistering for other machines: only once the model has answered what it was asked. TorchServe forgets the requests
// of a worker that it ends.
import catalogue from 'models/catalogue.js';
import clock from 'counting/clock.js';
import closing from 'models/closing.js';
import gauges from 'counting/gauges.js';
import pause from 'http/pause.js';
import refresh from 'models/refresh.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('models/torchserve.js').Reply} Reply */

const INTERVAL_MS = 100;
// Longer than TorchServe takes to unregister a model.
const REMOVAL_MS = 30000;
// After the last request was computed its answer is still on its way through TorchServe.
const LAST_ANSWER_MS = 500;

/**
 * Resolves to TorchServe's reply; throws when there is none.
 * @param {string} path  what to ask TorchServe for
 * @param {string} model  its name in TorchServe
 * @param {string} [version]
 * @returns {Promise<Reply>}
 */
async function unregister(path, model, version) {
    const serving = await torchserve.describe(model);
    if (serving !== null && version !== undefined && version !== serving.modelVersion) {
        await emptied(model, version);
        return torchserve.call('DELETE', path);
    }
    const name = catalogue.names().find((candidate) => state.model(candidate).archive === model);
    if (serving === null || name === undefined || await hasOthers(model)) {
        return torchserve.call('DELETE', path); // unknown, asked for by no client, or to be refused
    }
    try {
        await answered(name, model);
        closing.mark(model, REMOVAL_MS);
        return await torchserve.call('DELETE', path);
    } finally {
        // The others need not find out by themselves, from TorchServe, that it is gone.
        await refresh.tryRefresh(name);
        closing.unmark(model);
    }
}

async function hasOthers(model) {
    const reply = await torchserve.call('GET', `/models/${model}/all`);
    return reply.status === 200 && JSON.parse(reply.text).length > 1;
}

// No prediction takes longer than PREDICT_TIMEOUT, but for a client that is slow to take its answer.
async function answered(name, model) {
    const end = clock.now() + settings.predict_timeout * 1000;
    do {
        closing.mark(model);
        await pause(INTERVAL_MS);
    } while (gauges.current(gauges.IN_FLIGHT, name) > 0 && clock.now() < end);
}

// A version that serves no more gets no new requests. TorchServe tells how many wait, but not which ones a worker
// computes; one that is sent now is answered after them.
async function emptied(model, version) {
    const end = clock.now() + settings.predict_timeout * 1000;
    for (;;) {
        const reply = await torchserve.call('GET', `/models/${model}/${version}`);
        const described = reply.status === 200 ? JSON.parse(reply.text)[0] : null;
        if (described === null || !described.workers.some((worker) => worker.status === 'READY')) {
            return;
        }
        if (described.jobQueueStatus.pendingRequests === 0 || clock.now() > end) {
            break;
        }
        await pause(INTERVAL_MS);
    }
    await torchserve.predict(model, version, 'no image');
    await pause(LAST_ANSWER_MS);
}

export default {unregister};
