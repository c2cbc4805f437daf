// Asking TorchServe for a prediction until there is an answer to give.
import admission from 'models/admission.js';
import alone from 'predict/alone.js';
import availability from 'models/availability.js';
import clock from 'counting/clock.js';
import deadline from 'predict/deadline.js';
import digest from 'predict/digest.js';
import killers from 'predict/killers.js';
import lifecycle from 'models/lifecycle.js';
import pause from 'http/pause.js';
import recovery from 'models/recovery.js';
import replies from 'predict/replies.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';
import trials from 'trials/trials.js';
import trying from 'predict/trying.js';
import waiting from 'predict/waiting.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */
/**
 * For the log and the metrics.
 * @typedef {{torchserve_ms?: string, repeats?: string, prediction_report?: string, image_digest?: string, cache_result?: string}} Notes
 */
/**
 * The image, its model, and where to note how it went; how many milliseconds are left, where some are used up. The image is a
 * Buffer, which njs' types do not expect in a subrequest.
 * @typedef {{file: any, name: string, notes: Notes, left?: () => number}} Given
 */

// A prediction that died with its worker is repeated; nothing must do so for ever.
const MAX_REPEATS = 2;
// As in handlers/worker_metrics.py.
const DIGEST_DIGITS = 16;

/**
 * @param {NginxHTTPRequest} r
 * @param {Given} given
 * @returns {Promise<Outcome>}
 */
async function ask(r, given) {
    const failure = await admission.enter(r, given.name);
    if (failure !== null) {
        return {failure};
    }
    try {
        const trial = trials.of(given.name);
        return await (trial === null ? answer(r, given) : trying.answer(r, given, trial, answer));
    } finally {
        admission.leave(r, given.name);
    }
}

async function answer(r, given) {
    const archive = state.model(given.name).archive;
    const start = Date.now();
    if (settings.tracing) {
        r.variables.received = String(start / 1000 - Number(r.variables.request_time));
    }
    const left = given.left || clock.countdown(r, settings.predict_timeout * 1000);
    // More than one only after a loss: should TorchServe answer the older one after all, that counts.
    let asked = [];
    /** @type {Outcome} */
    let outcome = {};
    for (let repeats = 0; ; repeats += outcome.failure.deferred ? 0 : 1) {
        const turn = await turnOf(r, given, outcome, left);
        let reply = null;
        let wasAlone = false;
        try {
            const eighths = eighthsOf(r, turn.waited || outcome.failure || given.left ? left() : Infinity);
            if (turn.failure || eighths < 1) {
                return {failure: turn.failure || outcome.failure || tooLate(r, given.name)};
            }
            r.variables.inference_key = torchserve.inferenceKey();
            asked.push(r.subrequest(`/_predict/${eighths}/${archive}`, {method: 'POST', body: given.file}));
            reply = await waiting.forReply(asked, given.name);
            await subrequestEnded();
        } finally {
            wasAlone = alone.release(given.name, turn);
        }
        outcome = judged(r, given, wasAlone, reply === null ? replies.lost(given.name) : replies.interpret(given.name, reply));
        note(given.notes, Date.now() - start, repeats, reply);
        if (!outcome.failure || !outcome.failure.repeat || repeats === MAX_REPEATS) {
            return outcome;
        }
        asked = reply === null ? asked : [];
        r.log(`request ${r.variables.request_identifier}: ${outcome.failure.message} Repeated.`);
        if (outcome.failure.reason === 'torchserve_down') {
            await recovery.wait(given.name, clock.now() + left());
        }
        torchserve.readKeys();
    }
}

// nginx has a location for each eighth of the time-out: a repeat gets what is left, and none more than its client waits for. The
// worker is told the deadline itself.
function eighthsOf(r, left) {
    const eighth = settings.predict_timeout * 125;
    const own = deadline.left(r);
    const eighths = Math.min(8, Math.floor(left / eighth), Math.ceil(own / eighth));
    r.variables.seconds_left = own < eighths * eighth ? String(own / 1000) : '';
    return eighths;
}

function tooLate(r, name) {
    return deadline.left(r) > 0 ? availability.busy(name) : deadline.missed(r, name);
}

// What died with its worker is asked alone, and so is an image that has died alone before.
async function turnOf(r, given, outcome, left) {
    const failure = killers.failure(given);
    if (failure !== null) {
        noteDigest(given);
        return {failure, waited: false};
    }
    const hasDied = killers.deaths(given) > 0;
    const isSuspect = hasDied || (outcome.failure !== undefined && outcome.failure.ended !== undefined);
    if (!isSuspect) {
        return alone.pass(given.name, left);
    }
    const turn = await alone.take(r, given.name, left, hasDied);
    // The same image may have died meanwhile, for another client.
    return Object.assign(turn, {failure: killers.failure(given) || undefined});
}

// What an outcome means for the model and, if it was asked alone, for the image.
function judged(r, given, wasAlone, outcome) {
    if (outcome.failure === undefined) {
        if (wasAlone) {
            killers.forget(given);
        }
        return outcome;
    }
    if (outcome.failure.ended !== 'died') {
        return outcome;
    }
    state.setModel(given.name, lifecycle.afterDeath(state.model(given.name)));
    noteDigest(given);
    if (wasAlone) {
        killers.note(r, given);
    }
    const failure = killers.failure(given);
    return failure === null ? outcome : {failure};
}

// A worker that answers tells the image's digest itself.
function noteDigest(given) {
    given.notes.image_digest = digest.of(given.file).slice(0, DIGEST_DIGITS);
}

// For the log and the metrics (log.js, counting/networks.js).
function note(notes, elapsed, repeats, reply) {
    notes.torchserve_ms = String(elapsed);
    notes.repeats = String(repeats);
    notes.prediction_report = reply === null ? '' : reply.headersOut['X-Prediction-Report'] || '';
}

// njs 0.9.9 runs what waits for a subrequest while nginx still ends it. An answer to a client that has reset its connection
// fails, and would free the request under nginx: the process would crash. A timer's turn comes when that is over.
// https://github.com/nginx/njs/issues/1077
function subrequestEnded() {
    return pause(0);
}

export default {ask};
