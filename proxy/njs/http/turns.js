// Whose turn it is in a long round of nginx's event loop.
import pause from 'http/pause.js';
import rounds from 'http/rounds.js';
import routes from 'http/routes.js';

/** @typedef {Object<string, (r: NginxHTTPRequest) => void | Promise<void>>} Operations  by their names in the table of routes */

// At most, in milliseconds: the last of several pauses, each twice as long as the one before.
const MAX_PAUSE = 32;

/**
 * Answer a request; in a long round after others.
 * @param {NginxHTTPRequest} r
 * @param {Operations} operations
 */
function handle(r, operations) {
    return rounds.isLong(r.variables.msec) ? pass(r).then(() => routes.handle(r, operations)) : routes.handle(r, operations);
}

/**
 * Let others come first; for files too, which nginx itself answers (templates/server/pages.conf.j2).
 * Of many requests that wait, most find the next round long again; who has waited for several is answered in any case.
 * @param {NginxHTTPRequest} r
 */
async function pass(r) {
    for (let ms = 1; ms <= MAX_PAUSE && rounds.isLong(r.variables.msec); ms *= 2) {
        await pause(ms);
    }
}

export default {handle, pass};
