// A key's own limits (scripts/keys limit), in place of those that nginx holds all clients to (http/limits.conf.j2).

/** @typedef {{name: string, requests?: number, rate?: number}} Key */

function counters() {
    return /** @type {any} */ (ngx.shared.limits);
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
    if (!key.requests) {
        return '';
    }
    if (counters().incr(key.name, 1, 0) > key.requests) {
        counters().incr(key.name, -1, 0);
        r.variables.key_limit = String(key.requests);
        return 'concurrency';
    }
    r.variables.key_under_way = key.name;
    return '';
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
 * The request is over; called once of each.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    if (r.variables.key_under_way) {
        counters().incr(r.variables.key_under_way, -1, 0);
    }
}

export default {exceeded, release};
