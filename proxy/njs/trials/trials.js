// Canaries and shadows: the second version of a model that is tried beside the one that serves. scripts/lifecycle/trials.py
// writes which there are, the poller reads it (poller/trials.js), and what was counted is common to all processes.
import counters from 'counting/counters.js';
import state from 'models/state.js';
import verdict from 'trials/verdict.js';

/**
 * @typedef {Object} Trial
 * @property {string} id
 * @property {'canary' | 'shadow'} kind
 * @property {string} version  the second one
 * @property {string} before  the one that serves
 * @property {number} percent  of the clients, or, of a shadow, of the predictions
 * @property {string} by  what tells clients apart: "client", "address" or "header:NAME"
 * @property {import('trials/verdict.js').Limits} limits
 */
/** @typedef {{reason: string, text: string, time: string}} End */

const RETIRED = 'retired';
// The clock knows no less, and a logarithm no zero.
const LEAST_MS = 0.001;
const COUNTS = ['asked', 'failed', 'compared', 'agreed'];

function dictionary() {
    return /** @type {any} */ (ngx.shared.trials);
}

/**
 * The trial of a model that is under way and whose version is READY, null where there is none.
 * @param {string} name
 * @returns {Trial | null}
 */
function of(name) {
    const text = state.dictionary().get(`trial:${name}`);
    if (text === undefined) {
        return null;
    }
    const trial = JSON.parse(String(text));
    return end(trial.id) === null ? trial : null;
}

/**
 * @param {string} name
 * @param {Trial | null} trial  null where there is none, or its version is not READY
 */
function set(name, trial) {
    if (trial === null) {
        state.dictionary().delete(`trial:${name}`);
    } else {
        state.write(`trial:${name}`, trial);
    }
}

/**
 * How a trial has ended, null if it has not.
 * @param {string} id
 * @returns {End | null}
 */
function end(id) {
    return state.read(`trial_end:${id}`);
}

/**
 * End a trial: from now on no client is answered by its version. Only the first end counts.
 * @param {string} name
 * @param {Trial} trial
 * @param {string} reason
 * @param {string} text
 */
function finish(name, trial, reason, text) {
    const said = {reason, text, time: new Date().toISOString()};
    if (!state.dictionary().add(`trial_end:${trial.id}`, JSON.stringify(said))) {
        return;
    }
    set(name, null);
    if (reason !== 'promoted') {
        counters.add('emotion_trial_aborts_total', {model: name, kind: trial.kind, version: trial.version, reason}, 1);
    }
    ngx.log(ngx.WARN, `${trial.kind} of model ${name}, version ${trial.version}, has ended (${reason}): ${text}`);
}

/**
 * @param {Trial} trial
 * @param {string} what
 * @param {number} [amount]
 */
function count(trial, what, amount) {
    try {
        dictionary().incr(`${trial.id} ${what}`, amount === undefined ? 1 : amount, 0);
    } catch (error) {
        ngx.log(ngx.WARN, `trial ${trial.id}: ${what} is not counted: ${error.message}`);
    }
}

/**
 * The version of a trial that has ended has no worker of it any more, or serves. Kept over restarts, as what is counted.
 * @param {Trial} trial
 */
function noteRetired(trial) {
    if (!isRetired(trial)) {
        count(trial, RETIRED);
    }
}

/** @param {Trial} trial */
function isRetired(trial) {
    return dictionary().get(`${trial.id} ${RETIRED}`) !== undefined;
}

/**
 * Count how long a version took for an answer.
 * @param {Trial} trial
 * @param {'tried' | 'serving'} which
 * @param {number} ms  with its time in TorchServe's queue, which says more of the clients than of the version
 * @param {number | null} work  its worker's own, null if that does not say
 */
function time(trial, which, ms, work) {
    addTime(trial, which, ms);
    if (work !== null) {
        addTime(trial, `${which} work`, work);
    }
}

function addTime(trial, which, ms) {
    const logarithm = Math.log(Math.max(LEAST_MS, ms));
    count(trial, `${which} count`);
    count(trial, `${which} sum`, logarithm);
    count(trial, `${which} squares`, logarithm * logarithm);
}

/**
 * What came of asking the second version.
 * @param {string} name
 * @param {Trial} trial
 * @param {string} result
 */
function note(name, trial, result) {
    count(trial, `result ${result}`);
    counters.add('emotion_trial_predictions_total', {model: name, kind: trial.kind, version: trial.version, result}, 1);
}

/**
 * Both versions have answered a picture.
 * @param {string} name
 * @param {Trial} trial
 * @param {string} label  what the version that serves says
 * @param {string} other  what the second one says
 */
function compare(name, trial, label, other) {
    const agrees = label === other;
    count(trial, 'compared');
    count(trial, `label compared ${label}`);
    if (agrees) {
        count(trial, 'agreed');
        count(trial, `label agreed ${label}`);
    }
    const labels = {model: name, kind: trial.kind, version: trial.version, label, agrees: agrees ? 'yes' : 'no'};
    counters.add('emotion_trial_comparisons_total', labels, 1);
}

/**
 * Abort a canary that is beyond its limits, unless somebody has removed it meanwhile.
 * @param {string} name
 * @param {Trial} trial
 */
function judge(name, trial) {
    const found = trial.kind === 'canary' ? verdict.of(trial.limits, counts(trial.id)) : null;
    if (found !== null && known().some((one) => one.trial.id === trial.id)) {
        finish(name, trial, found.reason, found.text);
    }
}

/**
 * Those that the poller has read of, under way or not.
 * @returns {{name: string, trial: Trial, end: End | null}[]}
 */
function known() {
    const found = state.read('trials') || {};
    return Object.keys(found).map((name) => ({name, trial: found[name], end: end(found[name].id)}));
}

/**
 * What was kept of a trial that somebody has removed.
 * @param {string} id
 */
function forget(id) {
    ['trial_end', 'unready', 'ended', 'told'].forEach((what) => state.dictionary().delete(`${what}:${id}`));
    dictionary().keys().filter((key) => key.startsWith(`${id} `)).forEach((key) => dictionary().delete(key));
}

/**
 * A process of nginx has ended: what it compared just then is not under way any more.
 */
function forgetBackground() {
    dictionary().keys().filter((key) => key.startsWith('background ')).forEach((key) => dictionary().delete(key));
}

/**
 * @param {string} id
 * @returns {import('trials/verdict.js').Counts}
 */
function counts(id) {
    const work = {tried: times(id, 'tried work'), serving: times(id, 'serving work')};
    const isKnown = work.tried.count > 0 && work.serving.count > 0;
    const found = isKnown ? work : {tried: times(id, 'tried'), serving: times(id, 'serving')};
    COUNTS.forEach((what) => {
        found[what] = number(`${id} ${what}`);
    });
    return /** @type {any} */ (found);
}

function times(id, which) {
    return {count: number(`${id} ${which} count`), sum: number(`${id} ${which} sum`), squares: number(`${id} ${which} squares`)};
}

function number(key) {
    return Number(dictionary().get(key) || 0);
}

export default {
    compare, count, counts, dictionary, end, finish, forget, forgetBackground, isRetired, judge, known, note, noteRetired, of, set, time,
};
