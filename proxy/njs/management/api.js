// TorchServe's management API for other machines: only the model routes, only archives of the model store, and a key
// for every call. What is not allowed here never reaches TorchServe.
import answers from 'http/answers.js';
import capacity from 'management/capacity.js';
import changes from 'management/changes.js';
import defaults from 'management/defaults.js';
import errors from 'http/errors.js';
import keys from 'management/keys.js';
import locations from 'management/locations.js';
import registering from 'management/registering.js';
import requests from 'management/requests.js';
import torchserve from 'models/torchserve.js';
import unregistering from 'management/unregistering.js';
import wishes from 'management/wishes.js';

/** @param {NginxHTTPRequest} r */
async function handle(r) {
    const key = keys.nameOf(r.headersIn['Authorization'] || '');
    r.variables.management_key = key || '-';
    r.variables.management_request = r.variables.request_path.slice(0, 300);
    const failure = key === null ? unauthorized() : await answered(r, key);
    if (failure !== null) {
        r.variables.management_result = failure.message;
        errors.send(r, failure);
    }
}

function unauthorized() {
    const message = 'A key is required: "Authorization: Bearer KEY"; `scripts/models key add NAME` makes one.';
    return errors.failure(401, message, {headers: {'WWW-Authenticate': 'Bearer'}});
}

// Answer a request with TorchServe's reply; resolves to null, or to why there is none.
async function answered(r, key) {
    const checked = requests.read(r);
    if (checked.failure) {
        return checked.failure;
    }
    r.variables.management_request = checked.path;
    const make = () => made(r.method, checked, key);
    try {
        const reply = await (checked.operation === 'scale' ? capacity.inTurn(make) : make());
        if (!reply.failure) {
            pass(r, reply);
        }
        return reply.failure || null;
    } catch (error) {
        r.error(`management: ${error.message}`);
        return errors.failure(503, 'TorchServe does not answer; is the stack running?', {retryAfter: 2});
    }
}

/** @returns {Promise<import('management/wishes.js').Answer>} */
async function made(method, checked, key) {
    const failure = await refusal(checked);
    if (failure !== null) {
        return {status: failure.status, text: '', failure};
    }
    const reply = await done(method, checked, key);
    return reply.failure || reply.status < 400 ? reply : Object.assign({}, reply, {failure: inOurShape(reply)});
}

// TorchServe's error in the format of this API.
function inOurShape(reply) {
    return errors.failure(reply.status, summary(reply.text), reply.status === 503 ? {retryAfter: 2} : {});
}

// What TorchServe itself would not mind.
async function refusal(checked) {
    if (checked.operation === 'set-default') {
        return defaults.failure(checked.model, checked.version);
    }
    const failure = checked.archive ? await registering.failure(checked.archive) : null;
    if (failure !== null || !checked.workers || (checked.archive && await registering.isRegistered(checked.archive))) {
        return failure;
    }
    return capacity.failure(checked.workers);
}

/** @returns {Promise<import('management/wishes.js').Answer>} */
async function done(method, checked, key) {
    switch (checked.operation) {
    case 'register':
        return registering.register(checked, key);
    case 'registration':
        return wishes.show(checked.registration);
    case 'change':
        return changes.ask(checked.change, key);
    case 'show-change':
        return changes.show(checked.change.id);
    case 'unregister':
        return unregistering.unregister(checked.path, checked.model, checked.version);
    }
    return torchserve.call(method, checked.path);
}

function pass(r, reply) {
    r.variables.management_result = r.method === 'GET' && reply.status === 200 ? 'shown' : summary(reply.text);
    answers.send(r, reply.status, r.method === 'GET' ? locations.plain(reply.text) : reply.text, reply.headers || {});
}

function summary(text) {
    try {
        const answer = JSON.parse(text);
        return String(answer.state || answer.status || answer.message).slice(0, 300);
    } catch (error) {
        return text.slice(0, 300);
    }
}

export default {handle};
