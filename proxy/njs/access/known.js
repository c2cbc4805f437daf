// The keys of a file (scripts/access/key_file.py), by their hashes.
import hashing from 'crypto';
import fs from 'fs';

// What every key looks like: 256 bits in base64url.
const KEY = /^[A-Za-z0-9_-]{43}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/;
const HASH = /^[0-9a-f]{64}$/;
// Each name is a label of the metrics.
const MAX_KEYS = 100;

function dictionary() {
    return ngx.shared.keys;
}

/**
 * What stands for a key: the HMAC of its hash under a secret of this start. To look it up takes no time that tells
 * anything of the hashes in the file, since nobody knows which HMAC a guess has.
 * @param {string} hash  SHA-256 in hexadecimal
 */
function blinded(hash) {
    return hashing.createHmac('sha256', secret()).update(hash).digest('hex');
}

function secret() {
    if (dictionary().get('secret') === undefined) {
        // Another process may be first; then its secret counts.
        dictionary().add('secret', Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex'));
    }
    return String(dictionary().get('secret'));
}

/**
 * A key of a file, and its own limits, if it has any.
 * @typedef {{name: string, mark: string, requests?: number, rate?: number}} Known
 */

/**
 * The keys in a file; throws when it cannot be read or holds no keys.
 * @param {string} path
 * @returns {Known[]}
 */
function read(path) {
    const keys = JSON.parse(fs.readFileSync(path, 'utf8'));
    if (keys === null || typeof keys !== 'object' || Array.isArray(keys)) {
        throw new Error('it holds no keys');
    }
    return Object.keys(keys).filter((name) => NAME.test(name) && HASH.test((keys[name] || {}).sha256)).slice(0, MAX_KEYS)
        .map((name) => ({name, mark: blinded(keys[name].sha256), requests: keys[name].requests, rate: keys[name].rate}));
}

/**
 * The mark of a key that a client sent, null if it looks like none.
 * @param {string} key
 * @returns {string | null}
 */
function mark(key) {
    return KEY.test(key) ? blinded(hashing.createHash('sha256').update(key).digest('hex')) : null;
}

export default {dictionary, mark, read};
