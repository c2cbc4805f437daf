// Whose turn it is. While few wait, everybody may, up to a client's share. What is left of the queue is for clients that have
// nothing in it, in the order in which they were first refused: each gets a number, as in a shop.

/** @typedef {{mayEnter: boolean, ahead: number}} Turn  how many images must be over before it may be tried again */

// A client that does not come back within ten minutes loses its number (templates/http/njs.conf.j2): a slow model may have told it to
// come back in several.
function numbers() {
    return ngx.shared.line;
}

/**
 * @param {string} model  what the line is for
 * @param {string} client
 * @param {import('models/admission.js').Queue} queue
 * @returns {Turn}
 */
function turn(model, client, queue) {
    if (queue.all <= queue.common) {
        // Whoever had a number may enter now, or has gone.
        dissolve(model);
        const ahead = beyondShare(queue);
        return {mayEnter: ahead === 0, ahead};
    }
    return queue.own > 1 ? {mayEnter: false, ahead: Math.max(queue.all - queue.common, beyondShare(queue))} : inLine(model, client, queue);
}

// How many must be over before this client has no more than its share: its own are as evenly in the queue as the others'.
function beyondShare(queue) {
    const share = Math.max(1, Math.floor(queue.common / queue.clients));
    // What was counted of the client may have been forgotten meanwhile: then its own are none, or fewer.
    return queue.own > share ? Math.ceil((queue.own - share) * queue.all / queue.own) : 0;
}

function inLine(model, client, queue) {
    const key = `number ${model} ${client}`;
    const free = queue.limit - queue.all + 1;
    const called = read(`called ${model}`);
    let number = read(key);
    if (number <= read(`dissolved ${model}`)) {
        // Whoever was in a line that is no more comes before those of the next one, but only if there is room now.
        if (free > 0 && (number > 0 || read(`given ${model}`) <= called)) {
            numbers().delete(key);
            return {mayEnter: true, ahead: 0};
        }
        number = numbers().incr(`given ${model}`, 1, 0);
    }
    numbers().set(key, number);
    if (free <= 0 || number > called + free) {
        return {mayEnter: false, ahead: Math.max(1, number - called - free)};
    }
    numbers().incr(`called ${model}`, 1, 0);
    numbers().delete(key);
    return {mayEnter: true, ahead: 0};
}

function dissolve(model) {
    const given = read(`given ${model}`);
    if (given > read(`called ${model}`)) {
        numbers().set(`called ${model}`, given);
        numbers().set(`dissolved ${model}`, given);
    }
}

function read(key) {
    return Number(numbers().get(key) || 0);
}

export default {turn};
