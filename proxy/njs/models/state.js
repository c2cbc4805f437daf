// What the proxy knows of TorchServe, in a dictionary its processes share. The poller writes it once a second; a
// prediction only reads it.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_shared_dict_zone

/**
 * A model of the catalogue, by what the build and TorchServe said of it.
 * @typedef {Object} Model
 * @property {string} archive  its name in TorchServe
 * @property {boolean} built  whether there is an archive of it
 * @property {string} error  why the build does not let it be served, '' if it does
 * @property {number} [retry_after]  seconds after which that may be over, where waiting helps
 * @property {boolean} stand_in
 * @property {import('models/measured.js').Measured | null} [measured]  what an evaluation found out about it
 * @property {import('models/archive.js').Facts} described  what the build says of its archive
 * @property {import('models/archive.js').Facts | null} [facts]  what the archive that answers says of itself
 * @property {number} [generation]  how often the facts have changed
 * @property {boolean} gpu
 * @property {'ready'|'starting'|'restarting'|'failing'|'idle'|'absent'} state  see models/lifecycle.js
 * @property {number} since  when it was last READY, or first seen: by counting/clock.js
 * @property {number[]} pids  the processes seen since then
 * @property {boolean} served  whether it was READY
 * @property {string[]} [members]  of an ensemble (models/ensembles.js), which has neither archive nor workers
 * @property {'refuse' | 'answer'} [missing]  what an ensemble does without one of them
 * @property {number} [asked]  when TorchServe was asked for this: by counting/clock.js
 */

// Without an answer for so long, TorchServe does not answer: a stopped JVM neither refuses a connection nor replies.
const STALE_MS = 5000;

// The model that was read last, by its text. A prediction reads its own half a dozen times, and to parse it is what takes long.
let lastText;
let lastModel;

function dictionary() {
    return ngx.shared.state;
}

/** @param {string} key */
function read(key) {
    const text = dictionary().get(key);
    return text === undefined ? null : JSON.parse(String(text));
}

/**
 * @param {string} key
 * @param {unknown} value
 */
function write(key, value) {
    dictionary().set(key, JSON.stringify(value));
}

/**
 * Null for a name that is not in the catalogue. It is not to be changed: others may get the same object.
 * @param {string} name
 * @returns {Model}
 */
function model(name) {
    const text = dictionary().get(`model:${name}`);
    if (text === undefined) {
        return null;
    }
    if (text !== lastText) {
        lastText = text;
        lastModel = JSON.parse(String(text));
    }
    return lastModel;
}

/**
 * @param {string} name
 * @param {Model} value
 */
function setModel(name, value) {
    write(`model:${name}`, value);
}

/**
 * The names of the catalogue in its order, null before it was read.
 * @returns {string[]}
 */
function names() {
    return read('names');
}

// Whether TorchServe's management API answered when it was last asked, or has not refused since.
function isUp() {
    return dictionary().get('answered') !== undefined;
}

function isFresh() {
    // Asked for by every prediction, hence by the time of day: after a change of the clock the poller corrects it in a second.
    return Math.abs(Date.now() - Number(dictionary().get('answered') || 0)) < STALE_MS;
}

// Whether what is known of the models holds.
function isAnswering() {
    return isUp() && isFresh();
}

/** @param {boolean} answers */
function setAnswered(answers) {
    if (answers) {
        dictionary().set('answered', String(Date.now()));
    } else {
        dictionary().delete('answered');
    }
}

export default {STALE_MS, dictionary, isAnswering, isFresh, isUp, model, names, read, setAnswered, setModel, write};
