// Models that are about to be unregistered: no new prediction is sent to them, so that what was asked before is answered.
// A change from this machine names them in a file (scripts/lifecycle/closing.py), which the poller reads; one from another
// machine marks them here.
import clock from 'counting/clock.js';
import fs from 'fs';
import state from 'models/state.js';

// A mark that is not renewed for so long belongs to somebody who has ended.
const MARK_MS = 5000;

/** @param {string} archive */
function keyOf(archive) {
    return `closing:${archive}`;
}

/**
 * @param {string} archive  the model's name in TorchServe
 * @param {number} [ms]  for how long
 */
function mark(archive, ms) {
    state.dictionary().set(keyOf(archive), String(clock.now() + (ms || MARK_MS)));
}

/** @param {string} archive */
function unmark(archive) {
    state.dictionary().delete(keyOf(archive));
}

/**
 * Whether new predictions of a model are refused.
 * @param {string} archive
 */
function isMarked(archive) {
    const until = state.dictionary().get(keyOf(archive));
    return until !== undefined && Number(until) > clock.now();
}

/**
 * Called by the poller before it asks TorchServe for the models. Returns those that are to be unmarked when it has: one that
 * has just been unregistered looks READY until then.
 * @returns {string[]}
 */
function begin() {
    const known = state.read('closing') || [];
    const named = read();
    named.forEach((archive) => mark(archive));
    state.write('closing', known.concat(named.filter((archive) => !known.includes(archive))));
    return known.filter((archive) => !named.includes(archive));
}

/**
 * Called by the poller when it knows what TorchServe says of the models by now.
 * @param {string[]} over  what `begin` returned
 */
function end(over) {
    over.forEach(unmark);
    state.write('closing', (state.read('closing') || []).filter((archive) => !over.includes(archive)));
}

// What the file names, as long as its writer renews it, who may be in another container: no process of its number is looked for,
// nor what time it is there.
function read() {
    try {
        const changed = fs.statSync(settings.closing).mtimeMs;
        const archives = JSON.parse(fs.readFileSync(settings.closing, 'utf8')).archives;
        const last = state.read('closing_changed');
        if (last === null || last.changed !== changed) {
            state.write('closing_changed', {changed, seen: clock.now()});
            return archives;
        }
        return clock.now() - last.seen < MARK_MS ? archives : [];
    } catch (error) {
        return [];
    }
}

export default {begin, end, isMarked, mark, unmark};
