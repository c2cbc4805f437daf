// How many predictions a client may have under way: those of a key that has limits of its own (scripts/keys limit), or
// CLIENT_REQUESTS. nginx's limit_conn would not do: what a process of nginx counts there stays counted when it is killed.
import underWay from 'counting/under_way.js';

/** @typedef {{name: string, requests?: number, rate?: number}} Key */

function counters() {
    return /** @type {any} */ (ngx.shared.limits);
}

// Forgets the oldest clients when it is full (templates/http/njs.conf.j2).
function clients() {
    return /** @type {any} */ (ngx.shared.clients);
}

/**
 * Count a prediction. Returns which of the key's limits is exceeded, as a label of emotion_rejections_total; '' if none.
 * @param {NginxHTTPRequest} r
 * @param {Key} key
 */
function exceeded(r, key) {
    if (key.rate && ofThisSecond(key.name) > key.rate) {
        r.variables.key_limit = String(key.rate);
        return 'rate_limit';
    }
    if (!key.requests || begin(r, `own ${key.name}`, key.requests)) {
        return '';
    }
    r.variables.key_limit = String(key.requests);
    return 'concurrency';
}

function ofThisSecond(name) {
    const second = Math.floor(Date.now() / 1000);
    if (counters().get(`${name} second`) !== second) {
        counters().set(`${name} second`, second);
        counters().set(`${name} count`, 0);
    }
    return counters().incr(`${name} count`, 1, 0);
}

/**
 * Count a prediction against CLIENT_REQUESTS, so that no client fills a model's queue alone. Whether it may be answered.
 * @param {NginxHTTPRequest} r
 */
function mayBegin(r) {
    // http/limits.conf.j2: empty for what `exceeded` counts.
    const client = settings.client_requests > 0 ? r.variables.client_key : '';
    if (!client || begin(r, client, settings.client_requests)) {
        return true;
    }
    r.variables.rejection = 'concurrency';
    return false;
}

// Whether a client may have one more under way; it is counted then.
function begin(r, client, most) {
    const isWithin = underWay.begin(clients(), client, 1) <= most;
    if (isWithin) {
        r.variables.client_counted = client;
    } else {
        underWay.end(clients(), client, 1);
    }
    return isWithin;
}

/**
 * The request is over; called once of each.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    if (r.variables.client_counted) {
        underWay.end(clients(), r.variables.client_counted, 1);
    }
}

export default {exceeded, mayBegin, release};
