// How many requests each node has under way from this balancer. Each process of nginx counts its own, so that what one has
// counted is forgotten when it ends.
import known from 'nodes/known.js';

const PROCESSES = 'processes';

function counts() {
    return ngx.shared.nodes_under_way;
}

function keyOf(index, pid) {
    return `${index} ${pid}`;
}

/** @param {number} index */
function total(index) {
    return pids().reduce((sum, pid) => sum + Number(counts().get(keyOf(index, pid)) || 0), 0);
}

// Those of the processes whose counts are kept, as text.
function pids() {
    const others = String(known.dictionary().get(PROCESSES) || '').split(' ');
    return others.includes(String(process.pid)) ? others : others.concat(String(process.pid));
}

/**
 * @param {NginxHTTPRequest} r
 * @param {number} index
 */
function begin(r, index) {
    counts().incr(keyOf(index, process.pid), 1, 0);
    r.variables.nodes_asked = asked(r).concat(String(index)).join(' ');
}

/**
 * @param {NginxHTTPRequest} r
 * @param {number} index
 */
function end(r, index) {
    const left = asked(r);
    const place = left.indexOf(String(index));
    if (place !== -1) {
        left.splice(place, 1);
        r.variables.nodes_asked = left.join(' ');
        counts().incr(keyOf(index, process.pid), -1, 0);
    }
}

/**
 * The request is over; its client may have left before. Returns the nodes that had not answered.
 * @param {NginxHTTPRequest} r
 * @returns {number[]}
 */
function release(r) {
    const left = asked(r).map(Number);
    left.forEach((index) => end(r, index));
    return left;
}

function asked(r) {
    return (r.variables.nodes_asked || '').split(' ').filter((index) => index !== '');
}

/**
 * Called by the poller with the processes that there are.
 * @param {string[]} now
 */
function keepOnly(now) {
    const gone = pids().filter((pid) => pid !== '' && !now.includes(pid));
    gone.forEach((pid) => known.all().forEach((index) => counts().delete(keyOf(index, pid))));
    known.dictionary().set(PROCESSES, now.join(' '));
}

export default {begin, end, keepOnly, release, total};
