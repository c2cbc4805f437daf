// Asking nodes for an answer until there is one to pass on: what one cannot answer now, the next one is asked. Nothing that the
// API answers changes anything, so that a request may be sent again.
import answers from 'http/answers.js';
import availability from 'models/availability.js';
import choosing from 'nodes/choosing.js';
import clock from 'counting/clock.js';
import counters from 'counting/counters.js';
import errors from 'http/errors.js';
import known from 'nodes/known.js';
import pause from 'http/pause.js';
import underWay from 'nodes/under_way.js';
import waiting from 'nodes/waiting.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{failure?: Failure, reply?: NginxHTTPRequest}} Outcome  a failure, or a node's answer */

// Of nodes that were reached, or seemed to be.
const MAX_ATTEMPTS = 5;
// Without a node to ask, one that is started again is waited for, unless it is away for long: requests that wait take room from others.
const PAUSE_MS = 200;
const PATIENCE_MS = 10000;
const LONG_MS = 30000;
// More than what waits for a worker may take (MAX_WAIT).
const EIGHTHS_OF_FIRST = 6;
const UNREACHABLE = 502, BUSY = 503, LATE = 504;
// Of a node's answer; the balancer's own headers are those that each of its answers has.
const PASSED_ON = ['Content-Type', 'Retry-After', 'Allow', 'WWW-Authenticate', 'Cache-Status', 'Inference-Header-Content-Length'];

/**
 * Have a request answered by a node that has the models, and pass on what it says.
 * @param {NginxHTTPRequest} r
 * @param {string[]} names
 */
async function answer(r, names) {
    const outcome = await ask(r, names, r.requestBuffer);
    if (outcome.failure) {
        r.variables.rejection = outcome.failure.reason || '';
        return errors.send(r, outcome.failure);
    }
    const reply = outcome.reply;
    const headers = {};
    PASSED_ON.filter((name) => reply.headersOut[name] !== undefined).forEach((name) => {
        headers[name] = reply.headersOut[name];
    });
    answers.send(r, reply.status, reply.responseBuffer || '', headers);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string[]} names
 * @param {any} body  a Buffer, which is not copied, or undefined
 * @returns {Promise<Outcome>}
 */
async function ask(r, names, body) {
    const left = clock.countdown(r, settings.predict_timeout * 1000);
    // More than one only after a node fell silent: should it answer after all, that counts.
    let replies = [];
    let tried = [];
    let refusal = null;
    let isLate = false;
    let patience = PATIENCE_MS;
    for (let attempts = 0; attempts < MAX_ATTEMPTS && left() > 0;) {
        const choice = choosing.next(names, tried);
        if (choice === null) {
            if (refusal !== null || isLate || patience <= 0 || !known.isAnyGoneFor(LONG_MS)) {
                break;
            }
            patience -= PAUSE_MS;
            await pause(PAUSE_MS);
            tried = [];
            continue;
        }
        attempts++;
        tried = tried.concat(choice.index);
        underWay.begin(r, choice.index);
        replies = replies.concat(r.subrequest(uriOf(choice, left(), names, tried), optionsOf(r, body)));
        const reply = await waiting.forReply(replies, choice.index, names, tried);
        // As in predict/asking.js: what waits for a subrequest runs while nginx still ends it.
        await pause(0);
        const outcome = judged(r, choice.index, reply);
        if (outcome === 'answered') {
            return {reply};
        }
        refusal = outcome === 'refused' ? reply : refusal;
        isLate = isLate || outcome === 'late';
        replies = outcome === 'silent' ? replies : [];
    }
    return refusal === null ? {failure: isLate || left() <= 0 ? late(names) : unreachable(names)} : {reply: refusal};
}

// The first node that is asked must leave some of the time to another one, if there is one.
function uriOf(choice, left, names, tried) {
    const most = tried.length === 1 && choosing.next(names, tried) !== null ? EIGHTHS_OF_FIRST : 8;
    const eighths = Math.max(1, Math.min(most, Math.round(left / settings.predict_timeout / 125)));
    return `/_node/${choice.index}/${choice.level === 'able' ? 'load' : eighths}`;
}

// Without a body of its own the node would be told the length of the client's, which is not read here (server/unread.conf).
/** @returns {any} */
function optionsOf(r, body) {
    return r.method === 'POST' ? {method: 'POST', body} : {method: 'GET', body: ''};
}

// What an attempt has come to, counted.
function judged(r, index, reply) {
    const outcome = reply === null ? 'silent' : meaning(reply.status);
    if (outcome !== 'silent') {
        underWay.end(r, index);
    }
    if (outcome === 'lost') {
        known.setState(index, 'refused', 'a request was lost');
    }
    r.variables.node = known.nameOf(index);
    counters.add('emotion_node_requests_total', {node: known.nameOf(index), outcome}, 1);
    if (outcome !== 'answered') {
        r.log(`request ${r.variables.request_identifier}: node ${known.nameOf(index)} did not answer (${outcome}).`);
    }
    return outcome;
}

function meaning(status) {
    switch (status) {
    case UNREACHABLE:
        return 'lost';
    case BUSY:
        return 'refused';
    case LATE:
        return 'late';
    default:
        return 'answered';
    }
}

/** @returns {Failure} */
function unreachable(names) {
    return availability.away(subject(names));
}

/** @returns {Failure} */
function late(names) {
    return errors.failure(504, `${subject(names)} gave no answer within ${settings.predict_timeout} s; try again, `
                               + 'or with a smaller image.');
}

function subject(names) {
    return names.length === 1 ? `Model ${names[0]}` : `No model of ${names.length}`;
}

export default {answer, ask};
