// What is asked before a body is read: whether its client may have one more under way, and whether there is room for it. Then:
// bodies that stand still or take too long, while nginx reads them. nginx alone closes the connection without a word, and
// only when nothing at all has come for a while: a byte now and then would hold it for days.
// njs runs this before a body is there:
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_access
import bodies from 'http/bodies.js';
import errors from 'http/errors.js';
import limits from 'access/limits.js';

const LOOK_SECONDS = 5;
const STILL_LOOKS = 2;
// Who has been answered and goes on sending all the same is cut off.
const REST_SECONDS = 2;
const LATE = 408;

/** @param {NginxHTTPRequest} r */
function watch(r) {
    if (!limits.mayBegin(r)) {
        return r.return(429);
    }
    const failure = bodies.begin(r);
    if (failure !== null) {
        r.variables.rejection = failure.reason;
        return errors.send(r, failure);
    }
    const least = settings.upload_timeout;
    const between = Math.min(LOOK_SECONDS, least / 3);
    let received = arrived(r);
    let looks = 0;
    let still = 0;
    /** @type {any} */
    let timer = setTimeout(look, between * 1000);

    function look() {
        timer = undefined;
        const before = received;
        received = arrived(r);
        looks += 1;
        still = received === before ? still + 1 : 0;
        if (still === STILL_LOOKS) {
            refuse(`Nothing more of the body came for ${still * between} seconds; send the request again.`);
        } else if (looks * between >= least) {
            refuse(`The body did not arrive within ${least} seconds; send a smaller image.`);
        } else {
            timer = setTimeout(look, between * 1000);
        }
    }

    function refuse(message) {
        errors.send(r, errors.failure(LATE, message));
        timer = setTimeout(cutOff, REST_SECONDS * 1000);
    }

    // njs-types does not know it yet. A timer that is over must not be cleared: njs 0.9.9 crashes.
    /** @type {any} */ (r).readRequestArrayBuffer().then(() => timer !== undefined && clearTimeout(timer));
}

// nginx ends a request whose script fails, and closes its connection; njs has no other way while a body is read.
function cutOff() {
    throw new Error('the client was answered with 408 and goes on sending: its connection is closed');
}

/** Bytes of the request so far. */
function arrived(r) {
    return Number(r.variables.request_length);
}

export default {watch};
