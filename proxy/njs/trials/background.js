// Asks a model's other version about a picture that a client has its answer to, and compares.
import clock from 'counting/clock.js';
import jobs from 'trials/jobs.js';
import pause from 'http/pause.js';
import replies from 'trials/replies.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';
import trials from 'trials/trials.js';

/** @typedef {import('trials/jobs.js').Job} Job */
/** @typedef {import('trials/jobs.js').Told} Told */

// How often to look whether the client has its answer: at first, and at most.
const FIRST_MS = 2;
const MOST_MS = 20;
// More than a batch at a time are not compared.
const MAX_ASKED = 8;

/** @param {NginxHTTPRequest} r */
async function compare(r) {
    const id = r.headersIn['X-Job'] || '';
    const job = jobs.read(id);
    const bytes = jobs.take(id);
    r.return(202, '');
    try {
        const told = job === null ? null : await toldOf(id);
        if (told !== null) {
            await withOthers(job, () => ask(r, job, told));
        }
    } finally {
        jobs.free(bytes);
        jobs.forget(id);
    }
}

// Ask unless as many are asked already.
async function withOthers(job, act) {
    const dictionary = trials.dictionary();
    const key = `background ${job.name}`;
    try {
        if (dictionary.incr(key, 1, 0) > MAX_ASKED) {
            trials.note(job.name, job.trial, 'skipped');
            return;
        }
        await act();
    } finally {
        // Below zero where forgetBackground came between.
        if (dictionary.incr(key, -1, 0) < 0) {
            dictionary.set(key, 0);
        }
    }
}

/** @returns {Promise<Told | null>} */
async function toldOf(id) {
    const late = clock.now() + settings.predict_timeout * 1000;
    for (let ms = FIRST_MS; ; ms = Math.min(2 * ms, MOST_MS)) {
        const told = jobs.told(id);
        if (told !== null || jobs.read(id) === null || clock.now() > late) {
            return told;
        }
        await pause(ms);
    }
}

// Of a canary the client has had the second version's answer; of a shadow, that of the version that serves.
async function ask(r, job, told) {
    const trial = job.trial;
    const isShadow = trial.kind === 'shadow';
    const start = Date.now();
    const reply = await replyOf(r, job.name, isShadow ? trial.version : trial.before);
    const ms = Date.now() - start;
    const result = replies.result(reply.status, reply.text, isShadow ? trial.version : trial.before, jobs.labels(job.name));
    if (isShadow) {
        trials.note(job.name, trial, result === 'refused' ? 'failed' : result);
        if (told.ms !== null) {
            trials.time(trial, 'serving', told.ms, told.work);
        }
    }
    if (result !== 'answered') {
        return;
    }
    const label = replies.top(reply.text);
    trials.time(trial, isShadow ? 'tried' : 'serving', ms, reply.work);
    trials.compare(job.name, trial, isShadow ? told.label : label, isShadow ? label : told.label);
    trials.judge(job.name, trial);
}

async function replyOf(r, name, version) {
    torchserve.readKeys();
    const headers = {Authorization: `Bearer ${torchserve.inferenceKey()}`, 'Content-Type': r.headersIn['Content-Type']};
    const url = `${settings.inference_url}/predictions/${state.model(name).archive}/${version}`;
    try {
        const reply = await ngx.fetch(url, {method: 'POST', headers, body: /** @type {any} */ (r.requestBuffer)});
        const work = replies.work(reply.headers.get('X-Prediction-Report'));
        return {status: reply.status, text: await reply.text(), work};
    } catch (error) {
        return {status: /time/i.test(error.message) ? 504 : 502, text: '', work: null};
    }
}

export default {compare};
