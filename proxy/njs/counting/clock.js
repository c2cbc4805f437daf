// Time that no change of the machine's clock moves. njs itself has only the time of day: a wait that ends at a time of day
// would last an hour longer when the clock is put back by one.
import fs from 'fs';

/**
 * Milliseconds since the machine was started, in steps of ten; the same for all processes. It reads a file: not for the
 * way of every prediction.
 * https://man7.org/linux/man-pages/man5/proc_uptime.5.html
 */
function now() {
    return Math.round(Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000);
}

/**
 * Begin to count down for a request. Returns a function that tells how many milliseconds are left.
 * https://nginx.org/en/docs/http/ngx_http_core_module.html#var_connection_time
 * @param {NginxHTTPRequest} r
 * @param {number} ms
 * @returns {() => number}
 */
function countdown(r, ms) {
    const end = connected(r) + ms;
    return () => end - connected(r);
}

/**
 * Milliseconds since the request's connection was made.
 * @param {NginxHTTPRequest} r
 */
function connected(r) {
    return Number(r.variables.connection_time) * 1000;
}

export default {connected, countdown, now};
