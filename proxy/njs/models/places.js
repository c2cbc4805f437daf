// Places in the queues of the models: how many images wait, and of which client.
import state from 'models/state.js';

// A place is a text: how much it counts, the epoch, the model and the client, none of which has a space.

// In the place of a model: bytes of refusals that are held back, of which only the sum counts.
const HELD = '(held)';

function dictionary() {
    return ngx.shared.admission;
}

/**
 * @param {number} amount  images, or whatever is counted under this name
 * @param {string} model
 * @param {string} client
 */
function make(amount, model, client) {
    return `${amount} ${epoch()} ${model} ${client}`;
}

/** @param {string} place */
function modelOf(place) {
    return place.split(' ')[2];
}

/**
 * The name under which its queue is counted.
 * @param {string} place
 */
function queueOf(place) {
    return place.split(' ').slice(1, 3).join(' ');
}

// The same of its client's part of the queue.
function ownKeyOf(place) {
    return place.slice(place.indexOf(' ') + 1);
}

function amountOf(place) {
    return Number(place.split(' ')[0]);
}

/**
 * Count a place. What its queue has then, what of that its client has, and how many clients have some.
 * @param {string} place
 */
function take(place) {
    const amount = amountOf(place);
    const queue = queueOf(place);
    const all = dictionary().incr(`all ${queue}`, amount, 0);
    if (modelOf(place) === HELD) {
        return {all, own: 0, clients: 0};
    }
    const own = dictionary().incr(`own ${ownKeyOf(place)}`, amount, 0);
    const clients = dictionary().incr(`clients ${queue}`, own === amount ? 1 : 0, 0);
    countFurther(place, amount - 1);
    return {all, own, clients};
}

/** @param {string} place */
function giveBack(place) {
    const amount = amountOf(place);
    const queue = queueOf(place);
    // The dictionary forgets by the time of day, and to make room: what it forgot too early, since the clock was changed or since very
    // many clients came, would stay below zero.
    if (dictionary().incr(`all ${queue}`, -amount, 0) < 0 && ownKeyOf(place).startsWith(`${epoch()} `)) {
        startAnew();
    }
    if (modelOf(place) === HELD) {
        return;
    }
    dictionary().incr(`over ${modelOf(place)}`, amount, 0);
    if (lessen(`own ${ownKeyOf(place)}`, amount) === 0) {
        lessen(`clients ${queue}`, 1);
    }
    countFurther(place, 1 - amount);
}

// Of one client only what is counted of it begins anew. Returns what is left.
function lessen(key, amount) {
    const left = dictionary().incr(key, -amount, 0);
    if (left < 0) {
        dictionary().delete(key);
    }
    return Math.max(0, left);
}

// Of pictures with several faces, the images beyond the first: so what has one image has nothing more to count.
function countFurther(place, more) {
    if (more > 0) {
        dictionary().incr(`further ${ownKeyOf(place)}`, more, 0);
    } else if (more < 0) {
        lessen(`further ${ownKeyOf(place)}`, -more);
    }
}

/**
 * How many images wait for a model.
 * @param {string} model
 */
function images(model) {
    return read(`all ${epoch()} ${model}`);
}

/**
 * How many have waited for a model, and do no more.
 * @param {string} model
 */
function over(model) {
    return read(`over ${model}`);
}

/**
 * How many answers a client waits for; a picture with several faces is one.
 * @param {string} model
 * @param {string} client
 */
function predictions(model, client) {
    const own = `${epoch()} ${model} ${client}`;
    return read(`own ${own}`) - read(`further ${own}`);
}

function read(key) {
    return Number(dictionary().get(key) || 0);
}

/**
 * A process of nginx has ended, and what it let in with it: counting begins anew.
 */
function startAnew() {
    state.dictionary().set('epoch', String(epoch() + 1));
}

function epoch() {
    return Number(state.dictionary().get('epoch') || 0);
}

export default {HELD, giveBack, images, make, modelOf, over, predictions, queueOf, startAnew, take};
