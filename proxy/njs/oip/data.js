// What a tensor's "data" holds in JSON, cut out before that is parsed: njs would take 200 ms for 10 MiB of Base64, and as long for
// the numbers of a few pictures, while nobody else is answered. The worker reads both (handlers/image_base64.py, raw_pixels.py).

const KEY = '"data"';
const QUOTE = 34, BRACKET = 93, BACKSLASH = 92, BRACE = 125;
// Between the key and the list's first value.
const BEGIN = /^\s*:\s*\[\s*(\[\s*)?$/;
// Between two strings of a list, or of lists with one string each.
const BETWEEN = /^\s*(,|\]\s*,\s*\[)\s*$/;
const MAX_BLANKS = 100;
// Keys of that name, and strings that look like it.
const MAX_KEYS = 10;

// What stands in the JSON for numbers that were cut out. Of strings, the quotation marks are left.
const MARK = true;

/** @typedef {{json: Buffer, strings?: Buffer[], numbers?: Buffer}} Cut  the JSON without what was cut out of it */

/**
 * Within a string a quotation mark has a backslash before it: so what looks like the key is one, or what holds it is no JSON.
 * What is left says whether the list was one; only its reader sees whether the numbers are. Nothing is cut out of what would
 * still be too long.
 * @param {Buffer} json
 * @param {{rest: number, strings: number, numbers: number}} most  bytes of what is left, strings, and bytes of numbers
 * @returns {Cut}
 */
function cut(json, most) {
    const head = json.subarray(0, most.rest);
    let key = head.indexOf(KEY);
    for (let count = 0; key !== -1 && count < MAX_KEYS; count++) {
        const begin = key + KEY.length;
        const near = json.subarray(begin, begin + most.numbers);
        const quote = near.indexOf(QUOTE);
        const found = quote !== -1 && isShort(near, 0, quote, BEGIN)
            ? strings(json, begin + quote, most.strings)
            : numbers(json, begin, quote === -1 ? near : near.subarray(0, quote));
        if (found !== null) {
            const isShortEnough = found.rest.reduce((sum, part) => sum + part.length, 0) <= most.rest;
            return isShortEnough ? Object.assign({json: Buffer.concat(found.rest)}, found) : {json};
        }
        key = head.indexOf(KEY, begin);
    }
    return {json};
}

function isShort(json, start, end, pattern) {
    return end - start <= MAX_BLANKS && pattern.test(json.toString('utf8', start, end));
}

// From the quotation mark before the first string on. One that has others in it is no Base64.
function strings(json, quote, most) {
    const found = [];
    const rest = [json.subarray(0, quote + 1)];
    let start = quote + 1;
    for (;;) {
        const end = json.indexOf(QUOTE, start);
        if (end === -1 || json[end - 1] === BACKSLASH) {
            return null;
        }
        found.push(json.subarray(start, end));
        const next = json.indexOf(QUOTE, end + 1);
        if (next === -1 || found.length === most || !isShort(json, end + 1, next, BETWEEN)) {
            return {rest: rest.concat(json.subarray(end)), strings: found};
        }
        rest.push(json.subarray(end, next + 1));
        start = next + 1;
    }
}

// To the last bracket before anything that is neither a number nor a list.
function numbers(json, begin, near) {
    const start = near.subarray(0, MAX_BLANKS).indexOf('[');
    if (start === -1 || !BEGIN.test(near.toString('utf8', 0, start + 1))) {
        return null;
    }
    const brace = near.indexOf(BRACE);
    const end = near.subarray(0, brace === -1 ? near.length : brace).lastIndexOf(BRACKET) + 1;
    if (end <= start) {
        return null;
    }
    const rest = [json.subarray(0, begin + start), Buffer.from(String(MARK)), json.subarray(begin + end)];
    return {rest, numbers: near.subarray(start, end)};
}

export default {MARK, cut};
