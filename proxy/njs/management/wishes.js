// What other machines want to be registered: a file for each archive, which the supervisor takes (scripts/stack/wishes.py),
// and one for each other change (changes.js).
import errors from 'http/errors.js';
import fs from 'fs';
import pause from 'http/pause.js';
import supervision from 'models/supervision.js';

/**
 * status and result are there when it is over.
 * @typedef {{archive: string, workers: number, key: string, since: number, state: 'waiting' | 'under way' | 'done' | 'failed',
 *            status?: number, result?: string}} Wish
 */
/** @typedef {{status: number, text: string, headers?: Object<string, string>, failure?: import('http/errors.js').Failure}} Answer */

const LOOK_MS = 200;

/**
 * Have an archive registered; one that is asked for already is not asked for again. Resolves at once to where to look, or
 * with `waits` to what came of it.
 * @param {{archive: string, workers: number, key: string}} wanted
 * @param {boolean} waits
 * @returns {Promise<Answer>}
 */
async function ask(wanted, waits) {
    let wish = read(wanted.archive);
    if (wish === null || isOver(wish)) {
        wish = /** @type {Wish} */ (Object.assign({since: Date.now() / 1000, state: 'waiting'}, wanted));
        const problem = write(wanted.archive, wish);
        if (problem !== null) {
            return failed(500, `The registration of ${wish.archive} cannot be written down (${problem}); free some space on the server's disk.`);
        }
    }
    return waits ? outcome(await ended(wish)) : underWay(wish);
}

/**
 * What there is to say of an archive.
 * @param {string} archive
 * @returns {Answer}
 */
function show(archive) {
    const wish = read(archive);
    if (wish === null) {
        return failed(404, `Nobody has asked for ${archive} to be registered since the stack has run; POST /models?url=${archive} does.`);
    }
    return {status: 200, text: `${JSON.stringify(wish, null, 2)}\n`};
}

function underWay(wish) {
    const path = `/registrations/${wish.archive}`;
    const status = `${wish.archive} is being registered; repeat GET ${path} until its state is done or failed`;
    return {status: 202, text: `${JSON.stringify({status}, null, 2)}\n`, headers: {Location: path}};
}

async function ended(wish) {
    let now = wish;
    while (!isOver(now)) {
        if (supervision.current() === null) {
            return Object.assign({}, now, {status: 503, result: 'The stack is being stopped, or its supervisor has ended; register it again.'});
        }
        await pause(LOOK_MS);
        now = read(wish.archive) || now;
    }
    return now;
}

function outcome(wish) {
    return wish.status === 200 ? {status: 200, text: `${JSON.stringify({status: wish.result}, null, 2)}\n`} : failed(wish.status, wish.result);
}

function failed(status, message) {
    return {status, text: '', failure: errors.failure(status, message, status === 503 ? {retryAfter: 2} : {})};
}

function isOver(wish) {
    return wish.state === 'done' || wish.state === 'failed';
}

/**
 * @param {string} name  an archive, or the id of a change
 * @returns {Wish | null}
 */
function read(name) {
    try {
        return JSON.parse(fs.readFileSync(pathOf(name), 'utf8'));
    } catch (error) {
        return null;
    }
}

/** How many are kept: those that wait, and the last that are over. */
function count() {
    return fs.readdirSync(settings.registrations).length;
}

/**
 * Why it could not be written, null if it was.
 * @param {string} name
 * @param {any} wish
 * @returns {string | null}
 */
function write(name, wish) {
    const path = pathOf(name);
    try {
        fs.writeFileSync(`${path}.new`, JSON.stringify(wish));
        fs.renameSync(`${path}.new`, path);
        return null;
    } catch (error) {
        return error.message;
    }
}

function pathOf(name) {
    return `${settings.registrations}/${name}.json`;
}

export default {ask, count, failed, isOver, read, show, write};
