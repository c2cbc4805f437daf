// A model that has a canary or a shadow: which version answers, what is done when the canary cannot, and what is compared.
import assignment from 'trials/assignment.js';
import clock from 'counting/clock.js';
import jobs from 'trials/jobs.js';
import killers from 'predict/killers.js';
import pause from 'http/pause.js';
import record from 'http/record.js';
import replies from 'trials/replies.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';
import trials from 'trials/trials.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */
/** @typedef {import('predict/asking.js').Given} Given */
/** @typedef {import('trials/trials.js').Trial} Trial */

// A canary has so many eighths of PREDICT_TIMEOUT: the rest is for the version that serves.
const EIGHTHS = 2;
const HEADER = 'header:';
// These ask for the version that serves.
const NAMES_A_VERSION = /^\/v2\/models\/[^/]+\/versions\//;

/**
 * @param {NginxHTTPRequest} r
 * @param {Given} given
 * @param {Trial} trial
 * @param {(r: NginxHTTPRequest, given: Given) => Promise<Outcome>} ask  the version that serves
 * @returns {Promise<Outcome>}
 */
function answer(r, given, trial, ask) {
    if (trial.kind === 'shadow') {
        return shadowed(r, given, trial, ask);
    }
    return takes(r, given.name, trial) && killers.deaths(given) === 0 ? byCanary(r, given, trial, ask) : served(r, given, trial, ask);
}

/**
 * Whether a canary answers this client.
 * @param {NginxHTTPRequest} r
 * @param {string} name
 * @param {Trial | null} trial
 */
function takes(r, name, trial) {
    return trial !== null && trial.kind === 'canary' && !NAMES_A_VERSION.test(r.uri)
        && assignment.isChosen(clientOf(r, trial.by), name, trial.version, trial.percent);
}

function clientOf(r, by) {
    const named = by.startsWith(HEADER) ? r.headersIn[by.slice(HEADER.length)] : undefined;
    if (named) {
        return `header ${named}`;
    }
    return by !== 'address' && r.variables.key_name ? `key ${r.variables.key_name}` : `address ${r.variables.remote_addr}`;
}

// By the version that serves, whose time is what the canary's is compared with.
async function served(r, given, trial, ask) {
    const outcome = await ask(r, given);
    const ms = isAnswer(outcome) ? timeOf(given) : null;
    if (ms !== null) {
        trials.time(trial, 'serving', ms, replies.work(given.notes.prediction_report));
    }
    return outcome;
}

async function shadowed(r, given, trial, ask) {
    if (Math.random() * 100 >= trial.percent) {
        return ask(r, given);
    }
    const job = jobs.handOver(r, given.file, {name: given.name, trial});
    const outcome = await ask(r, given);
    tell(job, outcome, timeOf(given), replies.work(given.notes.prediction_report));
    return outcome;
}

async function byCanary(r, given, trial, ask) {
    const left = clock.countdown(r, settings.predict_timeout * 1000);
    const job = jobs.handOver(r, given.file, {name: given.name, trial});
    const start = Date.now();
    const reply = await replyOf(r, given, trial);
    const ms = Date.now() - start;
    const text = String(reply.responseText || '');
    const result = replies.result(reply.status, text, trial.version, jobs.labels(given.name));
    if (result === 'answered') {
        const report = reply.headersOut['X-Prediction-Report'];
        note(given, ms, report, 'canary');
        const outcome = {status: 200, body: text};
        trials.time(trial, 'tried', ms, replies.work(report));
        count(given.name, trial, result);
        tell(job, outcome, null, null);
        return outcome;
    }
    jobs.drop(job);
    r.log(`request ${r.variables.request_identifier}: version ${trial.version} of model ${given.name}, a canary, did not answer `
          + `(${result}); ${trial.before} is asked.`);
    const outcome = await ask(r, Object.assign({left}, given));
    const servingMs = Number(given.notes.torchserve_ms || 0);
    note(given, servingMs + ms, given.notes.prediction_report, 'repeated');
    countFailure(given.name, trial, isNoLater(result, ms, servingMs) ? 'unavailable' : result, outcome);
    return outcome;
}

async function replyOf(r, given, trial) {
    r.variables.inference_key = torchserve.inferenceKey();
    const uri = `/_predict/${EIGHTHS}/${state.model(given.name).archive}/${trial.version}`;
    const reply = await r.subrequest(uri, {method: 'POST', body: given.file});
    await pause(0); // as in predict/asking.js
    return reply;
}

function count(name, trial, result) {
    trials.note(name, trial, result);
    trials.count(trial, 'asked');
    if (result !== 'answered') {
        trials.count(trial, 'failed');
    }
    trials.judge(name, trial);
}

/**
 * Whether the version that serves took as long as a late canary: there was much to do, or the picture is a slow one.
 * @param {string} result
 * @param {number} ms
 * @param {number} servingMs
 */
function isNoLater(result, ms, servingMs) {
    return result === 'late' && servingMs >= ms;
}

// What the version that serves does not answer either says nothing of the canary.
function countFailure(name, trial, result, outcome) {
    if (result === 'unavailable' || !isAnswer(outcome)) {
        trials.note(name, trial, 'unavailable');
        return;
    }
    count(name, trial, result === 'refused' ? 'failed' : result);
}

function tell(job, outcome, ms, work) {
    const label = isAnswer(outcome) ? replies.top(outcome.body) : null;
    if (label === null) {
        jobs.drop(job);
    } else {
        jobs.tell(job, {label, ms, work});
    }
}

function isAnswer(outcome) {
    return outcome.failure === undefined && outcome.status === 200;
}

// Of an answer at the first try, milliseconds; null of others.
function timeOf(given) {
    return given.notes.repeats === '0' ? Number(given.notes.torchserve_ms) : null;
}

// For the log and the metrics, as in predict/asking.js.
function note(given, ms, report, trial) {
    given.notes.torchserve_ms = String(ms);
    given.notes.repeats = given.notes.repeats || '0';
    given.notes.prediction_report = JSON.stringify(Object.assign(record.readReport(report), {trial}));
}

export default {answer, isNoLater, takes};
