// An inference request: JSON, and behind it the binary data of its tensor, if any.
// https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol/binary-tensor-data-extension
import errors from 'http/errors.js';
import input from 'predict/input.js';
import outputs from 'oip/outputs.js';
import tensors from 'oip/tensors.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {import('oip/outputs.js').Wanted} Wanted */
/**
 * A failure, or the rest: images as files, or as pixels, and what is wanted of their answers.
 * @typedef {{failure?: Failure, id?: string, files?: Buffer[], kind?: 'file' | 'pixels', wanted?: Wanted[]}} Inference
 */

// Numbers take nginx's process a fraction of a second to read, and others wait meanwhile: five pictures' worth at most.
const MAX_NUMBERS = 3 * 1024 * 1024;
// A value of any other kind takes up to a hundred times as long as its two bytes do in a picture: a request has a few hundred.
const MAX_VALUES = 1000;
// Lists of numbers: each pixel of five pictures in a list of its own, those in lists by rows, and some.
const MAX_LISTS = 5 * 224 * 225 + MAX_VALUES;

/**
 * @param {NginxHTTPRequest} r
 * @returns {Inference}
 */
function read(r) {
    const failure = input.unreadable(r, 'body');
    if (failure !== null) {
        return {failure};
    }
    const body = r.requestBuffer || Buffer.alloc(0);
    const size = jsonSize(r.headersIn['Inference-Header-Content-Length'], body.length);
    const tooMuch = size === null ? null : excess(body.subarray(0, size));
    if (tooMuch !== null) {
        return {failure: errors.failure(413, `${tooMuch}; send images and pixels as binary data.`)};
    }
    const request = size === null ? null : parsed(body.subarray(0, size));
    if (request === null) {
        return invalid('The body is no inference request: send a JSON object, and the size of it in the header '
                       + 'Inference-Header-Content-Length if binary data follows.');
    }
    if (request.id !== undefined && typeof request.id !== 'string') {
        return invalid('The "id" of the request is no string.');
    }
    const images = tensors.read(request.inputs, body.subarray(size));
    const wanted = outputs.wanted(request);
    const wrong = images.failure || wanted.failure;
    return wrong ? {failure: wrong} : Object.assign({id: request.id, wanted: wanted.wanted}, images);
}

// How many bytes of the body are JSON, null if the header says nothing sensible.
function jsonSize(header, whole) {
    if (header === undefined) {
        return whole;
    }
    return /^[0-9]{1,9}$/.test(header) && Number(header) <= whole ? Number(header) : null;
}

// Why JSON would take too long to read, null if it would not. What has few commas has few values.
function excess(bytes) {
    if (!hasMore(bytes, ',', MAX_VALUES)) {
        return null;
    }
    if (bytes.length > MAX_NUMBERS) {
        return `Pixels in JSON may have ${MAX_NUMBERS} bytes`;
    }
    const isLong = hasMore(bytes, '"', 2 * MAX_VALUES) || hasMore(bytes, '{', MAX_VALUES) || hasMore(bytes, '[', MAX_LISTS);
    return isLong ? `The JSON may have ${MAX_VALUES} strings, as many objects, and ${MAX_LISTS} lists` : null;
}

// Whether a letter appears more than so many times.
function hasMore(bytes, letter, most) {
    let count = 0;
    for (let place = bytes.indexOf(letter); place !== -1 && count <= most; place = bytes.indexOf(letter, place + 1)) {
        count++;
    }
    return count > most;
}

function parsed(bytes) {
    try {
        const value = JSON.parse(bytes.toString());
        return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : null;
    } catch (error) {
        return null;
    }
}

function invalid(message) {
    return {failure: errors.failure(400, message)};
}

export default {read};
