// The keys of the apps: read once a second, kept for all processes.
import known from 'access/known.js';

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
    keys.forEach((key) => dictionary.set(`key:${key.mark}`, key.name));
    const marks = keys.map((key) => `key:${key.mark}`);
    dictionary.keys().filter((entry) => entry.startsWith('key:') && !marks.includes(entry))
        .forEach((entry) => dictionary.delete(entry));
    dictionary.set('loaded', '1');
}

/**
 * Why a request may not be answered, as a label of emotion_rejections_total; '' if it may. For nginx's js_set.
 * @param {NginxHTTPRequest} r
 */
function problem(r) {
    // A browser asks what it may send before it sends a key.
    if (r.method === 'OPTIONS') {
        return '';
    }
    const given = sent(r);
    const name = given === '' ? null : nameOf(given);
    if (name !== null) {
        r.variables.key_name = name;
        return '';
    }
    r.variables.rejection = given === '' ? 'key_missing' : 'key_unknown';
    return r.variables.rejection;
}

// The key of X-API-Key or of Authorization, '' without one.
// https://www.rfc-editor.org/rfc/rfc6750#section-2.1
function sent(r) {
    const bearer = /^Bearer +(.*)$/i.exec(r.headersIn['Authorization'] || '');
    return r.headersIn['X-API-Key'] || (bearer === null ? '' : bearer[1]);
}

function nameOf(key) {
    if (known.dictionary().get('loaded') === undefined) {
        load(); // in the second before the first round
    }
    const mark = known.mark(key);
    const name = mark === null ? undefined : known.dictionary().get(`key:${mark}`);
    return name === undefined ? null : String(name);
}

export default {load, problem};
