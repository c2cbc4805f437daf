// Once a second: which canaries and shadows there are, whether their versions are READY, and what is kept of them for the next
// start. One that has ended gets no worker any more.
import fs from 'fs';
import state from 'models/state.js';
import supervision from 'models/supervision.js';
import torchserve from 'models/torchserve.js';
import trials from 'trials/trials.js';
import workers from 'models/workers.js';

/** @typedef {import('trials/trials.js').Trial} Trial */
/** @typedef {import('models/lifecycle.js').Description} Description */

// Rounds of the poller, about seconds: without the version, without a READY worker of it, and between a trial's end and its workers'.
const MAX_ABSENT = 10;
const MAX_UNREADY = 180;
const LAST_ANSWERS = 5;
// What is kept without any.
const NOTHING = '{}';

/**
 * Called by the poller.
 * @param {string[]} names
 * @param {(Description | null)[]} serving  what TorchServe says of the versions that serve
 */
async function look(names, serving) {
    try {
        const wanted = read(settings.trials);
        forget(state.read('trials') || {}, wanted);
        restore(wanted);
        await Promise.all(names.map((name, index) => (wanted[name] === undefined ? null : lookAt(name, wanted[name], serving[index]))));
        if (Object.keys(wanted).length > 0 || state.read('trials_kept') !== NOTHING) {
            keep(wanted);
        }
        state.write('trials', wanted);
    } catch (error) {
        // What is wrong here must not look as if TorchServe did not answer (poll.js).
        ngx.log(ngx.WARN, `canaries and shadows cannot be looked at: ${error.message}`);
    }
}

// What somebody has removed, or replaced.
function forget(before, wanted) {
    Object.keys(before).filter((name) => wanted[name] === undefined || wanted[name].id !== before[name].id).forEach((name) => {
        trials.set(name, null);
        trials.forget(before[name].id);
    });
}

async function lookAt(name, trial, serving) {
    const second = await torchserve.describe(`${state.model(name).archive}/${trial.version}`);
    workers.recordTried(name, trial.version, second);
    if (trials.end(trial.id) === null) {
        const isReady = second !== null && (second.workers || []).some((worker) => worker.status === 'READY');
        trials.set(name, isReady ? trial : null);
        finish(name, trial, serving, second, isReady);
    }
    if (trials.end(trial.id) !== null) {
        trials.set(name, null);
        await retire(name, trial, serving, second);
    }
}

// Whatever takes the version or its place away, by whichever door.
function finish(name, trial, serving, second, isReady) {
    const served = serving === null ? null : serving.modelVersion;
    // Where the version that serves is not registered either, TorchServe has just been started.
    const unready = rounds(`unready:${trial.id}`, !isReady && served !== null && supervision.ofTorchServe() !== 'starting');
    if (served === trial.version) {
        trials.finish(name, trial, 'promoted', `version ${trial.version} serves`);
    } else if (served !== null && served !== trial.before) {
        trials.finish(name, trial, 'replaced', `version ${served} serves in place of ${trial.before}, beside which it was tried`);
    } else if (second === null && unready > MAX_ABSENT) {
        trials.finish(name, trial, 'unregistered', `version ${trial.version} is not registered any more`);
    } else if (unready > MAX_UNREADY) {
        trials.finish(name, trial, 'not_ready', `it has had no READY worker for ${MAX_UNREADY} s`);
    }
}

// How many rounds in a row it is so.
function rounds(key, isSo) {
    const count = isSo ? Number(state.dictionary().get(key) || 0) + 1 : 0;
    state.dictionary().set(key, String(count));
    return count;
}

// The workers of what has ended go when they have answered; it stays registered until somebody removes it. Once they are gone,
// or the version is, what somebody starts of it is not ours.
async function retire(name, trial, serving, second) {
    const ended = rounds(`ended:${trial.id}`, true);
    if (ended === 1 && state.dictionary().add(`told:${trial.id}`, '1')) {
        writeAudit(name, trial, trials.end(trial.id));
    }
    const serves = serving !== null && serving.modelVersion === trial.version;
    if (serves || second === null || (second.workers || []).length === 0) {
        trials.noteRetired(trial);
    } else if (ended >= LAST_ANSWERS && !trials.isRetired(trial)) {
        await torchserve.call('PUT', `/models/${state.model(name).archive}/${trial.version}?min_worker=0&max_worker=0`);
    }
}

// As scripts/lifecycle/audit.py writes what somebody did.
function writeAudit(name, trial, end) {
    const line = {
        time: end.time, request_id: trial.id, client: 'local', key: '-', who: 'the proxy',
        method: end.reason === 'promoted' ? 'promote' : 'abort',
        request: `name=${name}&version=${trial.version}`, status: 200, result: `${trial.kind} ended (${end.reason}): ${end.text}`,
    };
    try {
        fs.appendFileSync(settings.management_log, `${JSON.stringify(line)}\n`);
    } catch (error) {
        ngx.log(ngx.WARN, `${settings.management_log} cannot be written: ${error.message}`);
    }
}

// At the proxy's start: what was counted before, and what had ended.
function restore(wanted) {
    if (!state.dictionary().add('trials_restored', '1')) {
        return;
    }
    const kept = outcomesBefore();
    state.write('trials_kept', JSON.stringify(kept));
    Object.keys(wanted).filter((name) => kept[name] !== undefined && kept[name].id === wanted[name].id).forEach((name) => {
        const id = wanted[name].id;
        Object.keys(kept[name].counts).forEach((what) => trials.dictionary().set(`${id} ${what}`, kept[name].counts[what]));
        if (kept[name].end !== null) {
            state.write(`trial_end:${id}`, kept[name].end);
            state.dictionary().set(`told:${id}`, '1');
        }
    });
}

// For the next start, and for scripts/models.
function keep(wanted) {
    const text = JSON.stringify(outcomes(wanted));
    if (text === state.read('trials_kept')) {
        return;
    }
    try {
        fs.writeFileSync(`${settings.trial_outcomes}.new`, text);
        fs.renameSync(`${settings.trial_outcomes}.new`, settings.trial_outcomes);
        state.write('trials_kept', text);
    } catch (error) {
        ngx.log(ngx.WARN, `${settings.trial_outcomes} cannot be written: ${error.message}`);
    }
}

function outcomes(wanted) {
    const counted = /** @type {[string, number][]} */ (trials.dictionary().items());
    const found = {};
    Object.keys(wanted).forEach((name) => {
        const trial = wanted[name];
        const counts = {};
        counted.filter((item) => item[0].startsWith(`${trial.id} `)).forEach((item) => {
            counts[item[0].slice(trial.id.length + 1)] = item[1];
        });
        found[name] = {id: trial.id, percent: trial.percent, under_way: trials.of(name) !== null, end: trials.end(trial.id), counts};
    });
    return found;
}

// What cannot be read, any more or at all, is counted anew.
function outcomesBefore() {
    try {
        return read(settings.trial_outcomes);
    } catch (error) {
        return {};
    }
}

/** @returns {Object<string, any>} */
function read(path) {
    try {
        return JSON.parse(fs.readFileSync(path, 'utf8'));
    } catch (error) {
        if (error.code === 'ENOENT') {
            return {};
        }
        throw error;
    }
}

export default {look};
