// What is under way, in dictionaries that nginx's processes share. Each counts its own, so that what one of them had when it was
// killed is forgotten (poller/processes.js): taken off a count that is common to all, it never would be.

// The processes that count, as JSON; written by the poller too.
const PROCESSES = 'processes';

/** @typedef {any} Dictionary  of numbers */

function keyOf(what) {
    return `${process.pid} ${what}`;
}

/**
 * @param {Dictionary} dictionary
 * @param {string} what
 * @param {number} amount
 * @returns {number}  how much this process has under way then
 */
function add(dictionary, what, amount) {
    return dictionary.incr(keyOf(what), amount, 0);
}

/**
 * Returns how much all processes have under way with this.
 * @param {Dictionary} dictionary
 * @param {string} what
 * @param {number} amount
 * @returns {number}
 */
function begin(dictionary, what, amount) {
    const own = add(dictionary, what, amount);
    return others().reduce((sum, pid) => sum + Number(dictionary.get(`${pid} ${what}`) || 0), own);
}

/**
 * By the process that began it. What the dictionary has forgotten meanwhile stays so.
 * @param {Dictionary} dictionary
 * @param {string} what
 * @param {number} amount
 */
function end(dictionary, what, amount) {
    if (add(dictionary, what, -amount) <= 0) {
        dictionary.delete(keyOf(what));
    }
}

// A process that is not among those known adds itself: the poller looks only once a second.
function others() {
    const known = JSON.parse(String(ngx.shared.state.get(PROCESSES) || '[]'));
    const own = String(process.pid);
    if (!known.includes(own)) {
        ngx.shared.state.set(PROCESSES, JSON.stringify(known.concat(own)));
    }
    return known.filter((pid) => pid !== own);
}

/**
 * Of everything that is counted, how much all processes have under way; for small dictionaries, and not for each request.
 * @param {Dictionary} dictionary
 * @returns {Object<string, number>}
 */
function all(dictionary) {
    /** @type {Object<string, number>} */
    const sums = {};
    dictionary.items().forEach((item) => {
        const what = item[0].slice(item[0].indexOf(' ') + 1);
        sums[what] = (sums[what] || 0) + item[1];
    });
    return sums;
}

/**
 * Forget what processes had under way that are none of these any more.
 * @param {Dictionary} dictionary
 * @param {string[]} processes  their ids
 */
function forgetOthers(dictionary, processes) {
    dictionary.keys().filter((key) => !processes.includes(key.split(' ')[0])).forEach((key) => dictionary.delete(key));
}

export default {PROCESSES, add, all, begin, end, forgetOthers};
