// The keys of the management API for other machines (scripts/proxy/management_keys.py).
import crypto from 'crypto';
import fs from 'fs';

/**
 * The name of the key in an Authorization header, null if there is no such key. Only hashes are stored.
 * @param {string} authorization
 * @returns {string | null}
 */
function nameOf(authorization) {
    const found = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(authorization);
    if (found === null) {
        return null;
    }
    const hash = crypto.createHash('sha256').update(found[1]).digest('hex');
    const keys = read();
    return Object.keys(keys).find((name) => keys[name].sha256 === hash) || null;
}

// Read again for every request, so that a removed key is refused at once.
function read() {
    try {
        return JSON.parse(fs.readFileSync(settings.management_keys, 'utf8'));
    } catch (error) {
        return {};
    }
}

export default {nameOf};
