// Pictures for a second version, which is asked when the client has its answer: a job is handed over to a server of this nginx
// (templates/trials/server.conf.j2), since no request ends, nor the next one on its connection begins, before all that it waits for.
import state from 'models/state.js';

/** @typedef {import('trials/trials.js').Trial} Trial */
/** @typedef {{name: string, trial: Trial}} Job */
/** @typedef {{label: string, ms: number | null}} Told  what the client was told, and how long that took */

function dictionary() {
    return ngx.shared.trial_jobs;
}

/**
 * Hand a picture over; who asks for it must `tell` the job or `drop` it. Null for what is not compared: faces.
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
    r.variables.trial_jobs = before.concat(id).join(' ');
    dictionary().set(id, JSON.stringify(job));
    const headers = {Host: 'trials', 'Content-Type': r.variables.image_content_type, 'X-Job': id};
    ngx.fetch(settings.trials_url, {method: 'POST', body: file, headers}).catch((error) => {
        ngx.log(ngx.WARN, `a picture is not compared: ${error.message}`);
        drop(id);
    });
    return id;
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
 * The request is over; called once of each. Nobody tells any more what its client was told.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    const jobs = r.variables.trial_jobs;
    if (jobs) {
        jobs.split(' ').filter((id) => told(id) === null).forEach(drop);
    }
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

export default {drop, forget, handOver, labels, read, release, tell, told};
