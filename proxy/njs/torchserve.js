// TorchServe's management API, and the keys it wants.
// https://github.com/pytorch/serve/blob/v0.12.0/docs/token_authorization_api.md
import fs from 'fs';
import state from 'state.js';

// How long a stack that has just started may take to register its models, ms.
const REGISTRATION_MS = 30000;

// TorchServe writes new keys at each of its starts. Returns {management, inference}, or null before its first.
function readKeys() {
    try {
        const keys = JSON.parse(fs.readFileSync(settings.key_file));
        state.dictionary().set('inference_key', keys.inference.key);
        return {management: keys.management.key, inference: keys.inference.key};
    } catch (error) {
        return null;
    }
}

function inferenceKey() {
    return state.dictionary().get('inference_key') || '';
}

async function call(method, path) {
    const keys = readKeys();
    if (keys === null) {
        throw new Error('TorchServe has written no keys');
    }
    const reply = await ngx.fetch(settings.management_url + path, {
        method, headers: {Authorization: `Bearer ${keys.management}`},
    });
    return {status: reply.status, text: await reply.text()};
}

// Ask TorchServe about a model and note its state. Resolves to TorchServe's description, null for a model that is not
// registered; throws when TorchServe does not answer.
async function look(name) {
    const asked = Date.now();
    const reply = await call('GET', `/models/${state.model(name).archive}`);
    if (reply.status !== 200 && reply.status !== 404) {
        throw new Error(`TorchServe's management API answered ${reply.status}`);
    }
    state.setAnswered(true);
    const description = reply.status === 404 ? null : JSON.parse(reply.text)[0];
    note(name, description, asked);
    return description;
}

// Several requests may look at once: an answer that is older than the one noted is not news.
function note(name, description, asked) {
    const before = state.model(name);
    if (before.asked > asked && before.asked - asked < state.STALE_MS) {
        return;
    }
    const after = Object.assign(state.after(before, description), {asked});
    if (after.state === 'absent' && before.built && isStarting()) {
        after.state = 'starting';
    }
    if (after.state !== before.state) {
        ngx.log(ngx.INFO, `model ${name} is ${after.state}, was ${before.state}`);
    }
    state.setModel(name, after);
}

// Whether TorchServe has been started so lately that models may still be registered.
function isStarting() {
    return Date.now() - fs.statSync(settings.key_file).mtimeMs < REGISTRATION_MS;
}

// Ask for one worker, which TorchServe starts in the background.
async function addWorker(name) {
    const reply = await call('PUT', `/models/${state.model(name).archive}?min_worker=1&max_worker=1`);
    if (reply.status !== 200 && reply.status !== 202) {
        throw new Error(`TorchServe's management API answered ${reply.status}`);
    }
}

// After an error of look() or addWorker(): nobody listens there, or only nobody answered in time?
function noteFailure(error) {
    if (!/time/i.test(error.message)) {
        state.setAnswered(false);
    }
}

export default {addWorker, inferenceKey, look, noteFailure, readKeys};
