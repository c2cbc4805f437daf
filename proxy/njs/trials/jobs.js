// Pictures for a second version, which is asked when the client has its answer: a job is handed over to a server of this nginx
// (templates/trials/server.conf.j2), since no request ends, nor the next one on its connection begins, before all that it waits for.
import state from 'models/state.js';
import trials from 'trials/trials.js';

/** @typedef {import('trials/trials.js').Trial} Trial */
/** @typedef {{name: string, trial: Trial}} Job */
/** @typedef {{label: string, ms: number | null, work: number | null}} Told  what the client was told, and how long that took */

// Of pictures that are handed over, together: until they are compared they are held twice, besides the bodies of their requests
// (http/bodies.js). Those that find no room are not compared.
const MAX_BYTES = 67108864;
const BYTES = 'background bytes';

function dictionary() {
    return ngx.shared.trial_jobs;
}

/**
 * Hand a picture over; who asks for it must `tell` the job or `drop` it. Null for what is not compared: faces,
 * and what finds no room.
 * @param {NginxHTTPRequest} r
 * @param {any} file
 * @param {Job} job
 * @returns {string | null}
 */
function handOver(r, file, job) {
    if (r.variables.faces_wish) {
        return null;
    }
    const before = r.variables.trial_jobs ? r.variables.trial_jobs.split(' ') : [];
    const id = `${r.variables.request_id}-${before.length}`;
    if (!reserve(id, file.length)) {
        trials.note(job.name, job.trial, 'skipped');
        return null;
    }
    r.variables.trial_jobs = before.concat(id).join(' ');
    dictionary().set(id, JSON.stringify(job));
    const headers = {Host: 'trials', 'Content-Type': r.variables.image_content_type, 'X-Job': id};
    ngx.fetch(settings.trials_url, {method: 'POST', body: file, headers}).catch((error) => {
        ngx.log(ngx.WARN, `a picture is not compared: ${error.message}`);
        drop(id);
        free(take(id));
    });
    return id;
}

function reserve(id, bytes) {
    try {
        trials.dictionary().set(heldKey(id), bytes);
        if (trials.dictionary().incr(BYTES, bytes, 0) <= MAX_BYTES) {
            return true;
        }
    } catch (error) {
        ngx.log(ngx.WARN, `a picture is not compared: ${error.message}`);
        trials.dictionary().delete(heldKey(id));
    }
    free(take(id));
    return false;
}

/**
 * The bytes of a picture that was handed over, which whoever takes them must `free`; 0 if somebody has.
 * @param {string} id
 */
function take(id) {
    const bytes = Number(trials.dictionary().get(heldKey(id)) || 0);
    return trials.dictionary().delete(heldKey(id)) ? bytes : 0;
}

/** @param {number} bytes */
function free(bytes) {
    // Below zero where forgetBackground came between.
    if (trials.dictionary().incr(BYTES, -bytes, 0) < 0) {
        trials.dictionary().set(BYTES, 0);
    }
}

function heldKey(id) {
    return `background held ${id}`;
}

/**
 * @param {string | null} id
 * @param {Told} said
 */
function tell(id, said) {
    if (id !== null) {
        dictionary().set(`${id} told`, JSON.stringify(said));
    }
}

/** @param {string | null} id */
function drop(id) {
    if (id !== null) {
        dictionary().delete(id);
    }
}

/**
 * The request is over; called once of each. Nobody tells any more what its client was told, and what has not arrived at the server
 * that compares will not.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    const jobs = r.variables.trial_jobs ? r.variables.trial_jobs.split(' ') : [];
    jobs.filter((id) => told(id) === null).forEach(drop);
    jobs.forEach((id) => free(take(id)));
}

/**
 * Null for a job that is not known, any more or at all.
 * @param {string} id
 * @returns {Job | null}
 */
function read(id) {
    return parsed(dictionary().get(id));
}

/**
 * @param {string} id
 * @returns {Told | null}
 */
function told(id) {
    return parsed(dictionary().get(`${id} told`));
}

/** @param {string} id */
function forget(id) {
    dictionary().delete(id);
    dictionary().delete(`${id} told`);
}

function parsed(text) {
    return text === undefined ? null : JSON.parse(String(text));
}

/**
 * The labels of the version that serves; undefined if they are not known.
 * @param {string} name
 * @returns {string[] | undefined}
 */
function labels(name) {
    return (state.model(name).facts || {}).emotions;
}

export default {drop, forget, free, handOver, labels, read, release, take, tell, told};
