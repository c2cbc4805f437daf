// Who may wait for a model. A prediction is refused at once if it would be answered too late, and each client gets its part
// of the queue: what is refused here has cost TorchServe nothing.
import availability from 'models/availability.js';
import faces from 'counting/faces.js';
import line from 'models/line.js';
import pace from 'counting/pace.js';
import pause from 'http/pause.js';
import places from 'models/places.js';
import state from 'models/state.js';
import workers from 'models/workers.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/**
 * What waits for a model, in images, with the first one of the prediction in question.
 * @typedef {Object} Queue
 * @property {number} limit  how many may
 * @property {number} common  how many of those that ask for more than one at a time may; the rest is for the others
 * @property {number} all  how many do
 * @property {number} own  how many of this client
 * @property {number} clients  how many clients have some
 */

// TorchServe's batchSize, in handlers/model-config.yaml.
const BATCH = 8;
const COMMON_PART = 0.75;
// Fewer than a batch at work and one behind it would only make the batches smaller.
const LEAST_BATCHES = 2;
// Refusals that are held back: for how long, and of forms of how many bytes at most, each and together.
const HELD_MS = 1000;
const MAX_HELD_BYTES = 1048576;
const MAX_ALL_HELD_BYTES = 134217728;
// A client that is told to come back later than that would have lost its number in the line (models/line.js), seconds.
const MAX_RETRY_AFTER = 540;
// An expected wait is worth no more than this part of PREDICT_TIMEOUT.
const WORTH = 0.8;

/**
 * Let a prediction wait for its model, or say why not. One that may must `leave`.
 * @param {NginxHTTPRequest} r
 * @param {string} name
 * @returns {Promise<Failure | null>}
 */
async function enter(r, name) {
    const client = clientOf(r);
    const images = imagesOf(r, client);
    const place = places.make(images, name, client);
    const limit = limitOf(name);
    const queue = Object.assign({limit, common: Math.floor(limit * COMMON_PART)}, places.take(place));
    // A picture with many faces may wait where one image may: else, in a short queue, it never could.
    queue.all -= images - 1;
    queue.own -= images - 1;
    const turn = line.turn(places.queueOf(place), client, queue);
    if (turn.mayEnter) {
        keep(r, place);
        return null;
    }
    places.giveBack(place);
    await holdImpatient(r, name, client);
    return refusal(name, queue, turn.ahead);
}

// Of a picture in which faces are looked for, each is an image.
function imagesOf(r, client) {
    const wish = r.variables.faces_wish;
    return wish ? faces.expected(client, parseInt(wish, 10)) : 1;
}

// A client that comes back sooner than told waits for its refusal: to refuse those that repeat at once again and again would
// take the processors from the workers.
async function holdImpatient(r, name, client) {
    const isFirst = ngx.shared.refused.add(`${name} ${client}`, 1);
    const bytes = r.requestBuffer.length;
    if (isFirst || bytes > MAX_HELD_BYTES) {
        return;
    }
    const place = places.make(bytes, places.HELD, client);
    if (places.take(place).all > MAX_ALL_HELD_BYTES) {
        places.giveBack(place);
        return;
    }
    keep(r, place);
    await pause(HELD_MS);
    leave(r, places.HELD);
}

function keep(r, place) {
    r.variables.places = takenBy(r).concat(place).join('\n');
}

/**
 * A prediction that was let in is over.
 * @param {NginxHTTPRequest} r
 * @param {string} name
 */
function leave(r, name) {
    const taken = takenBy(r);
    const left = taken.findIndex((place) => places.modelOf(place) === name);
    if (left !== -1) {
        places.giveBack(taken.splice(left, 1)[0]);
        r.variables.places = taken.join('\n');
    }
}

/**
 * The request is over, whether or not its client stayed; called once of each.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    const taken = takenBy(r);
    if (taken.length > 0) {
        r.variables.places = '';
        taken.forEach(places.giveBack);
    }
}

/**
 * After how many seconds a client that has as many predictions under way as it may is likely to have one fewer: its own are as evenly in
 * each queue as the others'.
 * @param {NginxHTTPRequest} r
 */
function nextAnswer(r) {
    const client = clientOf(r);
    const waits = (state.names() || []).map((name) => {
        const own = places.predictions(name, client);
        return own > 0 ? expectedWait(name) / own : Infinity;
    });
    const soonest = Math.min.apply(null, waits);
    return wholeSeconds(soonest === Infinity ? 0 : soonest);
}

/**
 * How long a prediction waits that comes now, in seconds.
 * @param {string} name
 */
function expectedWait(name) {
    return places.images(name) * secondsOf(name);
}

/**
 * A function that says whether all that waited for a model before a prediction that comes now, or beside it, have been answered.
 * @param {string} name
 */
function queueAhead(name) {
    const last = places.over(name) + places.images(name) + BATCH * workers.count(name);
    return () => places.over(name) > last;
}

function clientOf(r) {
    return r.variables.key_name || r.variables.remote_addr;
}

function wholeSeconds(seconds) {
    return Math.min(MAX_RETRY_AFTER, Math.max(1, Math.ceil(seconds)));
}

function takenBy(r) {
    return r.variables.places ? r.variables.places.split('\n') : [];
}

function limitOf(name) {
    const most = mostOf(name);
    const seconds = secondsOf(name);
    if (settings.max_wait === 0 || seconds === 0) {
        return most;
    }
    const wait = Math.min(settings.max_wait, settings.predict_timeout * WORTH);
    return Math.min(most, Math.max(Math.floor(wait / seconds), LEAST_BATCHES * BATCH * workers.count(name)));
}

// What TorchServe takes.
function mostOf(name) {
    return workers.queue(name) + BATCH * workers.count(name);
}

// Between two answers of a model whose workers have enough to do.
function secondsOf(name) {
    return pace.seconds(name) / workers.count(name);
}

function refusal(name, queue, ahead) {
    const seconds = secondsOf(name);
    const retryAfter = wholeSeconds(ahead * seconds);
    if (queue.own > 1 && queue.all <= queue.common) {
        return refused(`${queue.clients} clients wait for model ${name}, and ${queue.own - 1} images of yours do; wait for `
                       + 'their answers', retryAfter, 'client_share');
    }
    if (queue.limit < mostOf(name)) {
        return refused(`Model ${name} is busy: an answer would take about ${Math.ceil(queue.all * seconds)} s`, retryAfter,
            'expected_wait');
    }
    return refused(`Model ${name} is busy: its queue is full`, retryAfter, 'queue_full');
}

function refused(message, retryAfter, reason) {
    return Object.assign(availability.delayed(`${message}; try again in ${retryAfter} s.`, retryAfter, reason), {early: true});
}

export default {enter, expectedWait, leave, nextAnswer, queueAhead, release};
