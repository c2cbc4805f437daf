// What the poller found out about the nodes, in a dictionary that the processes of this nginx share. A node is named by its
// place in NODES.

/**
 * up: it answered when it was last asked. refused: it took no connection, or ended one. silent: it has answered nothing for some
 * rounds of the poller, and may have accepted requests all the same.
 * @typedef {'up' | 'refused' | 'silent'} State
 */
/**
 * For a model, the nodes on which it is READY, that would load it, and that say why it cannot be asked: those that have it, or
 * may have it soon; all where there is none of these.
 * @typedef {{ready: number[], able: number[], listed: number[]}} Places
 */

const NOWHERE = {ready: [], able: [], listed: []};

function dictionary() {
    return ngx.shared.nodes;
}

function names() {
    return settings.nodes.split(' ');
}

/**
 * The nodes by their places in NODES.
 * @returns {number[]}
 */
function all() {
    return names().map((_, index) => index);
}

/**
 * What the node is called in NODES.
 * @param {number} index
 */
function nameOf(index) {
    return names()[index];
}

/**
 * Undefined before it was asked for the first time.
 * @param {number} index
 * @returns {State | undefined}
 */
function state(index) {
    return /** @type {any} */ (dictionary().get(`state ${index}`));
}

/** @param {number} index */
function isUp(index) {
    return state(index) === 'up';
}

/**
 * @param {number} index
 * @param {State} value
 * @param {string} [reason]  for the log
 */
function setState(index, value, reason) {
    const before = state(index);
    if (before !== value) {
        dictionary().set(`state ${index}`, value);
        ngx.log(ngx.WARN, `node ${nameOf(index)} is ${value}, was ${before || 'not asked before'}${reason === undefined ? '' : `: ${reason}`}`);
    }
}

/**
 * @param {string} name  a model's
 * @returns {Places}
 */
function places(name) {
    const text = dictionary().get(`places ${name}`);
    return text === undefined ? NOWHERE : JSON.parse(String(text));
}

/**
 * @param {string} name
 * @param {Places} value
 */
function setPlaces(name, value) {
    dictionary().set(`places ${name}`, JSON.stringify(value));
}

export default {all, dictionary, isUp, nameOf, places, setPlaces, setState, state};
