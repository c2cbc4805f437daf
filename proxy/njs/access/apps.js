// The keys of the apps: read once a second, kept for all processes.
import known from 'access/known.js';
import limits from 'access/limits.js';

// Read the file. One that cannot be read changes nothing: the last keys stay, and without any nobody is let in.
function load() {
    try {
        note(known.read(settings.api_keys));
        known.dictionary().delete('unreadable');
    } catch (error) {
        if (known.dictionary().add('unreadable', '1')) {
            ngx.log(ngx.ERR, `${settings.api_keys} cannot be read; the keys stay as they were: ${error.message}`);
        }
    }
}

// The new ones come in before the old ones go, so that a key that stays is never missed.
function note(keys) {
    const dictionary = known.dictionary();
    keys.forEach((key) => dictionary.set(`key:${key.mark}`, JSON.stringify(key)));
    const marks = keys.map((key) => `key:${key.mark}`);
    dictionary.keys().filter((entry) => entry.startsWith('key:') && !marks.includes(entry))
        .forEach((entry) => dictionary.delete(entry));
    dictionary.set('loaded', '1');
}

/**
 * The status with which a request is refused, '' if it may be answered. For nginx's js_set.
 * @param {NginxHTTPRequest} r
 */
function refusal(r) {
    // A browser asks what it may send before it sends a key.
    if (r.method === 'OPTIONS') {
        return '';
    }
    const given = sent(r);
    const key = given === '' ? null : find(given);
    if (key === null) {
        r.variables.rejection = given === '' ? 'key_missing' : 'key_unknown';
        return '401';
    }
    r.variables.key_name = key.name;
    const hasOwnLimits = Boolean(key.requests || key.rate);
    r.variables.key_limits = hasOwnLimits ? `${key.requests || 0} ${key.rate || 0}` : '';
    r.variables.counted_as = hasOwnLimits ? 'own' : `key ${key.name}`;
    r.variables.rejection = hasOwnLimits && r.method === 'POST' ? limits.exceeded(r, key) : '';
    return r.variables.rejection === '' ? '' : '429';
}

// The key of X-API-Key or of Authorization, '' without one.
// https://www.rfc-editor.org/rfc/rfc6750#section-2.1
function sent(r) {
    const bearer = /^Bearer +(.*)$/i.exec(r.headersIn['Authorization'] || '');
    return r.headersIn['X-API-Key'] || (bearer === null ? '' : bearer[1]);
}

/** @returns {import('access/known.js').Known | null} */
function find(key) {
    if (known.dictionary().get('loaded') === undefined) {
        load(); // in the second before the first round
    }
    const mark = known.mark(key);
    const found = mark === null ? undefined : known.dictionary().get(`key:${mark}`);
    return found === undefined ? null : JSON.parse(String(found));
}

export default {load, refusal};
