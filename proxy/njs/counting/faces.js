// How many images a request for faces is likely to have computed: nobody knows before its picture was looked at.

// What a client has had answered counts until many answers later: else a few pictures without a face would make its next ones,
// as many as it may have under way at once, pass for those of one face each.
const WEIGHT = 1 / 64;

// Of its own: many clients' faces must not push out what waits (models/places.js).
function dictionary() {
    return ngx.shared.faces;
}

/**
 * At first as many as it asks for.
 * @param {string} client  its key's name or address
 * @param {number} most  the faces that it asks for at most
 */
function expected(client, most) {
    const before = dictionary().get(client);
    return before === undefined ? most : Math.max(1, Math.min(most, Math.round(Number(before))));
}

/**
 * @param {string} client
 * @param {number} computed  the faces that a picture of its had computed
 */
function note(client, computed) {
    const before = Number(dictionary().get(client) || 0);
    dictionary().set(client, /** @type {any} */ (Math.max(computed, before + WEIGHT * (computed - before))));
}

export default {expected, note};
