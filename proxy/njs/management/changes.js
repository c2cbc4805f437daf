// Changes that other machines want made as `scripts/models` makes them: the supervisor runs it (scripts/stack/wishes.py).
// Each has an id that the asker chose, so that asking again, when an answer was lost, changes nothing twice.
import errors from 'http/errors.js';
import supervision from 'models/supervision.js';
import wishes from 'management/wishes.js';

/** @typedef {import('management/wishes.js').Answer} Answer */

const NO_SUPERVISOR = 'No supervisor runs here, which would make the change: the stack is being stopped, or the supervisor has ended; '
                      + 'make it on that machine, with `scripts/models`, or start the supervisor there first, with `make start`.';

// The supervisor keeps a hundred of those that are over, and one for each archive that was registered.
const MAX_KEPT = 300;

/**
 * Have a change made; what was asked for under this id before stays as it is.
 * @param {{id: string, command: string, model: string}} wanted  and the other parameters of the request
 * @param {string} key  the name of who asks
 * @returns {Answer}
 */
function ask(wanted, key) {
    if (wishes.read(wanted.id) === null) {
        if (supervision.current() === null) {
            return wishes.failed(503, NO_SUPERVISOR);
        }
        if (wishes.count() >= MAX_KEPT) {
            return wishes.failed(503, `${MAX_KEPT} changes wait or are kept; ask again when some of them are over.`);
        }
        const problem = wishes.write(wanted.id, Object.assign({since: Date.now() / 1000, state: 'waiting', key}, wanted));
        if (problem !== null) {
            return wishes.failed(500, `The change cannot be written down (${problem}); free some space on the server's disk.`);
        }
    }
    return show(wanted.id);
}

/**
 * What came of a change: 202 until it is over.
 * @param {string} id
 * @returns {Answer}
 */
function show(id) {
    const wish = wishes.read(id);
    if (wish === null) {
        return wishes.failed(404, `There is no change ${errors.quote(id)}; only the last ones are kept.`);
    }
    const isOver = wishes.isOver(wish);
    if (!isOver && supervision.current() === null) {
        return wishes.failed(503, NO_SUPERVISOR);
    }
    const text = `${JSON.stringify(wish, null, 2)}\n`;
    return isOver ? {status: 200, text} : {status: 202, text, headers: {Location: `/changes/${id}`}};
}

export default {ask, show};
