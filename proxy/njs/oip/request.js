// An inference request: JSON, and behind it the binary data of its tensor, if any.
// https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol/binary-tensor-data-extension
import data from 'oip/data.js';
import errors from 'http/errors.js';
import input from 'predict/input.js';
import outputs from 'oip/outputs.js';
import tensors from 'oip/tensors.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {import('oip/outputs.js').Wanted} Wanted */
/**
 * A failure, or the rest: images as files, or as pixels, and what is wanted of their answers.
 * @typedef {{failure?: Failure, id?: string, files?: Buffer[], kind?: import('oip/tensors.js').Kind, wanted?: Wanted[]}} Inference
 */

// Beside the data of the tensor. JSON takes longer to read than anything else that is sent, and other clients wait meanwhile.
const MAX_JSON = 65536;
// The numbers of an image, each in a line of its own with blanks before it.
const MAX_NUMBERS = 3 * 1024 * 1024;

/**
 * @param {NginxHTTPRequest} r
 * @returns {Inference}
 */
function read(r) {
    const failure = input.unreadable(r, 'body');
    if (failure !== null) {
        return {failure};
    }
    // Of an empty body njs 0.9.9 makes a buffer of which it cannot take a part.
    const body = r.requestBuffer && r.requestBuffer.length > 0 ? r.requestBuffer : Buffer.alloc(0);
    const size = jsonSize(r.headersIn['Inference-Header-Content-Length'], body.length);
    const most = {rest: MAX_JSON, strings: tensors.MAX_IMAGES + 1, numbers: MAX_NUMBERS};
    /** @type {import('oip/data.js').Cut} */
    const given = size === null ? {json: Buffer.alloc(0)} : data.cut(body.subarray(0, size), most);
    if (given.json.length > MAX_JSON) {
        return {failure: errors.failure(413, `The JSON is too long: beside files in Base64, or ${MAX_NUMBERS} bytes of numbers, it may have `
                                             + `${MAX_JSON} bytes, not ${given.json.length}; send images and pixels as binary data.`)};
    }
    const request = parsed(given.json);
    if (request === null) {
        return invalid('The body is no inference request: send a JSON object, and the size of it in the header '
                       + 'Inference-Header-Content-Length if binary data follows.');
    }
    if (request.id !== undefined && typeof request.id !== 'string') {
        return invalid('The "id" of the request is no string.');
    }
    const images = tensors.read(request.inputs, {binary: body.subarray(size), strings: given.strings, numbers: given.numbers});
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
