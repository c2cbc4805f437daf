// The limits of requests that ask several networks. Each counts as one prediction before its form is read (access/limits.js);
// here it counts as one for each network, so that comparing is no way around the limits.
import clock from 'counting/clock.js';
import errors from 'http/errors.js';
import underWay from 'counting/under_way.js';

/** @typedef {{requests: number, rate: number, burst: number, whose: string, client: string}} Limits */

// Where a key has its process: until when a client has paid for what it asked.
const PAID = 'paid';

// Forgets clients without comparisons for some minutes, and the oldest when it is full (templates/http/njs.conf.j2).
function dictionary() {
    return /** @type {any} */ (ngx.shared.comparisons);
}

/**
 * Count the networks that a request asks; null if the client may. One that asks more than a client may have under way, or
 * in a second, is let through alone: the next ones wait the longer.
 * @param {NginxHTTPRequest} r
 * @param {number} count
 * @param {(r: NginxHTTPRequest) => number} nextAnswer  the seconds until one of the client's predictions is likely to be over
 * @returns {import('http/errors.js').Failure | null}
 */
function exceeded(r, count, nextAnswer) {
    const limits = limitsOf(r);
    const wait = limits.rate > 0 ? debt(limits, count) : 0;
    if (wait > 0) {
        return errors.failure(429, `More than ${limits.rate} predictions a second from this ${limits.whose}: this request asks `
            + `${count} networks, and each of them counts; wait, and send fewer at a time.`, {retryAfter: wait, reason: 'rate_limit'});
    }
    const before = limits.requests > 0 ? underWay.begin(dictionary(), limits.client, count) - count : 0;
    if (before > 0 && before + count > limits.requests) {
        underWay.end(dictionary(), limits.client, count);
        return errors.failure(429, `More than ${limits.requests} predictions of this ${limits.whose} would be under way: this request asks `
            + `${count} networks, and each of them counts; wait for an answer before the next one.`,
                              {retryAfter: nextAnswer(r), reason: 'concurrency'});
    }
    r.variables.comparing = limits.requests > 0 ? `${count} ${limits.client}` : '';
    return null;
}

/** @returns {Limits} */
function limitsOf(r) {
    const variables = r.variables;
    const whose = variables.key_name ? 'key' : 'address';
    const client = variables.key_name ? `key ${variables.key_name}` : variables.remote_addr;
    const own = variables.key_limits ? variables.key_limits.split(' ').map(Number) : null;
    return own === null
        ? {requests: settings.client_requests, rate: settings.rate_limit, burst: settings.rate_burst, whose, client}
        : {requests: own[0], rate: own[1], burst: 0, whose, client};
}

// Seconds until the networks asked for so far are within the rate, 0 if these may be asked: "nodelay" of nginx, in which
// what was asked at once is paid for afterwards.
// https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
function debt(limits, count) {
    const key = `${PAID} ${limits.client}`;
    const now = clock.now();
    const paid = Math.max(now, Number(dictionary().get(key) || 0));
    const excess = paid - now - limits.burst * 1000 / limits.rate;
    if (excess > 0) {
        return Math.ceil(excess / 1000);
    }
    dictionary().set(key, paid + count * 1000 / limits.rate);
    return 0;
}

/**
 * The request is over; called once of each.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    const comparing = r.variables.comparing;
    if (comparing) {
        underWay.end(dictionary(), comparing.slice(comparing.indexOf(' ') + 1), Number(comparing.split(' ')[0]));
    }
}

export default {PAID, exceeded, release};
