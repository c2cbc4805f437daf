// A client of TorchServe's management API, and the keys it wants.
// https://github.com/pytorch/serve/blob/v0.12.0/docs/token_authorization_api.md
import fs from 'fs';
import pause from 'http/pause.js';
import state from 'models/state.js';

/** @typedef {import('models/lifecycle.js').Description} Description */
/** @typedef {{status: number, text: string}} Reply */

// TorchServe reads its list of workers while another of its threads may change it; nothing is changed then.
const FAILED_SCALING = /ConcurrentModificationException/;
const MAX_ATTEMPTS = 5;
const PAUSE_MS = 200;

// TorchServe writes new keys at each of its starts; the one for predictions is kept for all processes. Returns the one
// for the management API, null before TorchServe's first start.
function readKeys() {
    try {
        const keys = JSON.parse(fs.readFileSync(settings.key_file, 'utf8'));
        state.dictionary().set('inference_key', keys.inference.key);
        return keys.management.key;
    } catch (error) {
        return null;
    }
}

/** @returns {string} */
function inferenceKey() {
    return String(state.dictionary().get('inference_key') || '');
}

/**
 * Resolves to TorchServe's reply, whatever its status; throws when there is none. A change that TorchServe could not make
 * because another one was under way is repeated.
 * @param {string} method
 * @param {string} path
 * @returns {Promise<Reply>}
 */
async function call(method, path) {
    let reply = await callOnce(method, path);
    const attempts = method === 'PUT' ? MAX_ATTEMPTS : 1;
    for (let attempt = 1; attempt < attempts && FAILED_SCALING.test(reply.text); attempt++) {
        await pause(PAUSE_MS);
        reply = await callOnce(method, path);
    }
    return reply;
}

/** @returns {Promise<Reply>} */
async function callOnce(method, path) {
    const key = readKeys();
    if (key === null) {
        throw new Error('TorchServe has written no keys');
    }
    const reply = await ngx.fetch(settings.management_url + path, {method, headers: {Authorization: `Bearer ${key}`}});
    return {status: reply.status, text: await reply.text()};
}

/**
 * What TorchServe says of a model, null when it is not registered; throws when TorchServe does not answer.
 * @param {string} archive
 * @returns {Promise<Description | null>}
 */
async function describe(archive) {
    const reply = await call('GET', `/models/${archive}`);
    if (reply.status === 404) {
        return null;
    }
    accept(reply, [200]);
    return JSON.parse(reply.text)[0];
}

/**
 * Ask for one worker, which TorchServe starts in the background.
 * @param {string} archive
 */
async function addWorker(archive) {
    await scale(archive, 1, 1);
}

/**
 * Have TorchServe list at least and at most so many workers of a model. It takes them from the end of its list.
 * @param {string} archive
 * @param {number} least
 * @param {number} most
 */
async function scale(archive, least, most) {
    accept(await call('PUT', `/models/${archive}?min_worker=${least}&max_worker=${most}`), [200, 202]);
}

/**
 * Have a version compute a prediction, past the queue of nginx; resolves when it has been answered, with whatever.
 * @param {string} archive
 * @param {string} version
 * @param {string} body
 */
async function predict(archive, version, body) {
    readKeys();
    const headers = {Authorization: `Bearer ${inferenceKey()}`, 'Content-Type': 'application/octet-stream'};
    const reply = await ngx.fetch(`${settings.inference_url}/predictions/${archive}/${version}`, {method: 'POST', headers, body});
    await reply.text();
}

function accept(reply, statuses) {
    if (!statuses.includes(reply.status)) {
        throw new Error(`TorchServe's management API answered ${reply.status}`);
    }
}

export default {addWorker, call, describe, inferenceKey, predict, readKeys, scale};
