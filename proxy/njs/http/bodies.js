// How much of bodies nginx holds in memory: all that it reads at the same time, until their requests are over.
import errors from 'http/errors.js';

// njs 0.9.9 copies a body that came in several pieces, and nginx keeps the pieces.
const COPIES = 2;
// As a webcam sends them: for these there is a quarter more.
const SMALL_BYTES = 256 * 1024;
const FOR_SMALL = 0.25;
// client_max_body_size: what a body may have whose length is not told.
const LARGEST = 10 * 1024 * 1024;

// Bytes by the process that holds them: what one that ended held is forgotten (poller/processes.js).
function dictionary() {
    return /** @type {any} */ (ngx.shared.bodies);
}

/**
 * Count the body of a request that begins; the failure if there is no room for it.
 * @param {NginxHTTPRequest} r
 * @returns {import('http/errors.js').Failure | null}
 */
function begin(r) {
    const length = Number(r.headersIn['Content-Length'] || LARGEST);
    const size = COPIES * length;
    const before = dictionary().items().reduce((sum, item) => sum + item[1], 0);
    if (before + size > settings.body_memory * (length <= SMALL_BYTES ? 1 + FOR_SMALL : 1)) {
        return errors.failure(503, 'The images of other requests fill the memory that there is for them; try again.',
                              {retryAfter: 2, reason: 'body_memory'});
    }
    dictionary().incr(String(process.pid), size, 0);
    r.variables.body_counted = String(size);
    return null;
}

/**
 * The request is over; called once of each.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    if (r.variables.body_counted) {
        dictionary().incr(String(process.pid), -Number(r.variables.body_counted), 0);
    }
}

export default {begin, release};
