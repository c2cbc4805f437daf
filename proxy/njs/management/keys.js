// The keys of the management API for other machines.
import known from 'access/known.js';

/**
 * The name of the key in an Authorization header, null if there is no such key.
 * @param {string} authorization
 * @returns {string | null}
 */
function nameOf(authorization) {
    const found = /^Bearer (.+)$/.exec(authorization);
    const mark = found === null ? null : known.mark(found[1]);
    const key = read().find((candidate) => candidate.mark === mark);
    return key === undefined ? null : key.name;
}

// Read again for every request, so that a removed key is refused at once.
function read() {
    try {
        return known.read(settings.management_keys);
    } catch (error) {
        return [];
    }
}

export default {nameOf};
