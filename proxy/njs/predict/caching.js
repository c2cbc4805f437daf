// CACHE: answers that are kept for some seconds, by what was asked of which content of a model. The same asked for again
// meanwhile, or while it is computed, is not computed again.
import archive from 'models/archive.js';
import clock from 'counting/clock.js';
import counters from 'counting/counters.js';
import digest from 'predict/digest.js';
import pause from 'http/pause.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */
/** @typedef {import('predict/asking.js').Given} Given */
/** @typedef {'hit' | 'collapsed' | 'miss'} Result */

// How often to look whether another request has its answer: at first, and at most.
const FIRST_MS = 2;
const MOST_MS = 20;
// A request waits for another one no longer than this part of PREDICT_TIMEOUT, so that it can still ask itself.
const PATIENCE = 0.75;
// As in handlers/worker_metrics.py.
const DIGEST_DIGITS = 16;

/**
 * What is kept of the same question, or what `compute` resolves to.
 * @param {NginxHTTPRequest} r
 * @param {Given} given
 * @param {() => Promise<Outcome>} compute
 * @returns {Promise<Outcome>}
 */
async function answer(r, given, compute) {
    const model = state.model(given.name);
    const facts = model.facts || {};
    // What was not unpacked by this project has no digest: its content cannot be told.
    if (facts.digest === undefined) {
        return compute();
    }
    const image = digest.of(given.file);
    const question = [given.name, model.generation || 0, facts.digest, r.variables.image_kind || '', r.variables.faces_wish || '', image];
    const key = question.join(' ');
    let result = 'hit';
    let body = kept(key);
    if (body === null && !begin(r, key)) {
        result = 'collapsed';
        body = await ofAnother(key);
    }
    if (body !== null && await isServed(model, facts)) {
        given.notes.prediction_report = JSON.stringify({version: facts.version, image: image.slice(0, DIGEST_DIGITS)});
        tell(r, given, /** @type {Result} */ (result));
        return {status: 200, body};
    }
    const outcome = await compute();
    keep(key, facts, outcome);
    end(r, key);
    tell(r, given, 'miss');
    return outcome;
}

/** @returns {string | null} */
function kept(key) {
    const body = ngx.shared.cache.get(key);
    return body === undefined ? null : String(body);
}

// Errors may be over by the next time; and another version may have begun to serve since.
function keep(key, facts, outcome) {
    if (outcome.failure || outcome.status !== 200 || JSON.parse(outcome.body).version !== facts.version) {
        return;
    }
    try {
        ngx.shared.cache.set(key, outcome.body);
    } catch (error) {
        ngx.log(ngx.WARN, `an answer is not kept: ${error.message}`);
    }
}

// What the poller said may be a second old: a version that serves no more must not answer.
async function isServed(model, facts) {
    try {
        const description = await torchserve.describe(model.archive);
        return description !== null && description.modelVersion === facts.version
            && (description.workers || []).some((worker) => worker.status === 'READY')
            && archive.digest(description.modelUrl).digest === facts.digest;
    } catch (error) {
        return false;
    }
}

// Whether this request is the first of its kind to be computed; others wait for it until `end`.
function begin(r, key) {
    const isFirst = ngx.shared.flights.add(key, r.variables.request_id);
    if (isFirst) {
        r.variables.flights = flightsOf(r).concat(key).join('\n');
    }
    return isFirst;
}

function end(r, key) {
    const flights = flightsOf(r);
    if (flights.includes(key)) {
        r.variables.flights = flights.filter((flight) => flight !== key).join('\n');
        land(r, key);
    }
}

// One that took too long may have been forgotten, and be another request's by now.
function land(r, key) {
    if (ngx.shared.flights.get(key) === r.variables.request_id) {
        ngx.shared.flights.delete(key);
    }
}

function flightsOf(r) {
    return r.variables.flights ? r.variables.flights.split('\n') : [];
}

/**
 * The request is over, whether or not its client stayed; called once of each.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    flightsOf(r).forEach((key) => land(r, key));
}

// What another request came to know, null if it failed.
async function ofAnother(key) {
    const late = clock.now() + settings.predict_timeout * 1000 * PATIENCE;
    for (let ms = FIRST_MS; ngx.shared.flights.get(key) !== undefined; ms = Math.min(2 * ms, MOST_MS)) {
        if (clock.now() > late) {
            return null;
        }
        await pause(ms);
    }
    return kept(key);
}

// For the client, the log and the metrics. https://www.rfc-editor.org/rfc/rfc9211
function tell(r, given, result) {
    counters.add('emotion_cache_requests_total', {model: given.name, result}, 1);
    given.notes.cache_result = result;
    const told = r.variables.cache_told ? r.variables.cache_told.split(' ').concat(result) : [result];
    r.variables.cache_told = told.join(' ');
    r.headersOut['Cache-Status'] = status(told);
}

// Of a request that asks several networks, or about several images, each counts.
function status(told) {
    const hits = told.filter((result) => result === 'hit').length;
    if (hits === told.length) {
        return 'emotions; hit';
    }
    const collapsed = told.every((result) => result === 'collapsed') ? '; collapsed' : '';
    return `emotions; fwd=miss${collapsed}${told.length > 1 ? `; detail="${hits} of ${told.length} kept"` : ''}`;
}

export default {answer, release};
