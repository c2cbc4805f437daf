// How many workers other machines may ask for: no more than MAX_WORKERS of all models together.
import clock from 'counting/clock.js';
import errors from 'http/errors.js';
import pause from 'http/pause.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('http/errors.js').Failure} Failure */

const TURN = 'scaling';
// Of a process that ended meanwhile the turn is over after so long.
const TURN_MS = 10000;
const LOOK_MS = 50;

/**
 * Count and change workers while no other request does: two that found the same room would take it twice.
 * @template T
 * @param {() => Promise<T>} change
 * @returns {Promise<T>}
 */
async function inTurn(change) {
    const late = clock.now() + TURN_MS;
    const token = `${late} ${Math.random()}`;
    while (!state.dictionary().add(TURN, token) && clock.now() < late) {
        endOverdue();
        await pause(LOOK_MS);
    }
    try {
        return await change();
    } finally {
        if (state.dictionary().get(TURN) === token) {
            state.dictionary().delete(TURN);
        }
    }
}

function endOverdue() {
    const token = state.dictionary().get(TURN);
    if (token !== undefined && clock.now() > Number(String(token).split(' ')[0])) {
        state.dictionary().delete(TURN);
    }
}

/**
 * What stands against giving a version so many workers; null if nothing does. Throws when TorchServe does not answer.
 * @param {{parameter: string, count: number, model?: string, version?: string}} wanted  without a model for a new one,
 *     without a version for the one that serves
 * @returns {Promise<Failure | null>}
 */
async function failure(wanted) {
    if (wanted.count === 0) {
        return null;
    }
    const version = wanted.model && !wanted.version ? await servingVersion(wanted.model) : wanted.version;
    const models = JSON.parse((await torchserve.call('GET', '/models?limit=1000')).text).models;
    const counts = await Promise.all(models.map((model) => otherWorkers(model.modelName, wanted.model, version)));
    const others = counts.reduce((sum, count) => sum + count, 0);
    if (others + wanted.count <= settings.max_workers) {
        return null;
    }
    const rest = Math.max(0, settings.max_workers - others);
    return errors.failure(400, `${wanted.parameter}=${wanted.count}: all models together may have ${settings.max_workers} workers `
                               + `(MAX_WORKERS), and the others have ${others}; use at most ${rest}.`);
}

async function servingVersion(model) {
    const reply = await torchserve.call('GET', `/models/${model}`);
    return reply.status === 200 ? JSON.parse(reply.text)[0].modelVersion : undefined;
}

// The workers of all versions of a model, but for the one version. A max_worker above min_worker leaves more than the minimum.
async function otherWorkers(name, model, version) {
    const reply = await torchserve.call('GET', `/models/${name}/all`);
    if (reply.status !== 200) {
        return 0; // unregistered meanwhile
    }
    return JSON.parse(reply.text)
        .filter((described) => name !== model || described.modelVersion !== version)
        .reduce((sum, described) => sum + Math.max(described.minWorkers, described.workers.length), 0);
}

export default {failure, inTurn};
