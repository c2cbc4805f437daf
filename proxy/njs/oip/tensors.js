// The images in the one tensor of an inference request: slices of its body.
import errors from 'http/errors.js';
import json from 'oip/data.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {'file' | 'base64' | 'pixels' | 'numbers'} Kind  what an image is sent as (templates/http/torchserve.conf.j2) */
/** @typedef {{failure?: Failure, files?: Buffer[], kind?: Kind}} Images  a failure, or the rest */
/** @typedef {{binary: Buffer, strings?: Buffer[], numbers?: Buffer}} Data  what follows the JSON, and what was cut out of it */

// As many as a client may have under way by default. Pixels of as many just fit into a body.
const MAX_IMAGES = 64;
const MAX_DIMENSIONS = 4;
const PIXELS = 224 * 224 * 3;

/**
 * @param {any} inputs  of the request
 * @param {Data} data
 * @returns {Images}
 */
function read(inputs, data) {
    if (!Array.isArray(inputs) || inputs.length !== 1 || inputs[0] === null || typeof inputs[0] !== 'object') {
        return invalid('Send one tensor in "inputs": "image" (BYTES, [N]) or "pixels" (UINT8, [N,224,224,3]).');
    }
    const tensor = inputs[0];
    const count = countOf(tensor);
    if (count === null) {
        return invalid('The tensor is neither "image" (BYTES, [N]) nor "pixels" (UINT8, [N,224,224,3]); correct its "name", '
                       + '"datatype" and "shape".');
    }
    if (count > MAX_IMAGES) {
        return invalid(`That are ${count} images; one request takes ${MAX_IMAGES} at most.`);
    }
    const size = (tensor.parameters || {}).binary_data_size;
    const length = data.binary.length;
    if (size === undefined ? length > 0 : size !== length) {
        const said = typeof size === 'number' ? size : 'no number';
        return invalid(`${length} bytes follow the JSON; the tensor's "binary_data_size" is ${said}.`);
    }
    if (size !== undefined) {
        return tensor.datatype === 'BYTES' ? binaryFiles(data.binary, count) : binaryPixels(data.binary, count);
    }
    if (tensor.data !== json.MARK && !Array.isArray(tensor.data)) {
        return invalid('The tensor has neither "data" nor a "binary_data_size".');
    }
    return tensor.datatype === 'BYTES' ? textFiles(tensor.data, data.strings, count) : textPixels(tensor.data, data.numbers, count);
}

// How many images a tensor holds, null for one of another name, type or shape.
function countOf(tensor) {
    const given = Array.isArray(tensor.shape) && tensor.shape.length <= MAX_DIMENSIONS ? tensor.shape : [];
    const shape = given.every(Number.isInteger) ? given : [];
    const sides = shape.slice(1).join();
    const isKnown = (tensor.name === 'image' && tensor.datatype === 'BYTES' && (sides === '' || sides === '1'))
        || (tensor.name === 'pixels' && tensor.datatype === 'UINT8' && sides === '224,224,3');
    return isKnown && Number.isInteger(shape[0]) && shape[0] > 0 ? shape[0] : null;
}

/** @returns {Images} */
function binaryFiles(binary, count) {
    const found = elements(binary);
    if (found === null) {
        return invalid('The binary data is cut off: each image has its size before it, in 4 bytes, the lowest first.');
    }
    return found.length === count ? {kind: 'file', files: found} : otherCount(found.length, count, 'images');
}

// Of strings nothing is left but how many there are. Whether what was cut out is Base64, its reader sees.
/** @returns {Images} */
function textFiles(given, strings, count) {
    if (given !== json.MARK && given.length !== count) {
        return otherCount(given.length, count, 'images');
    }
    const isText = given !== json.MARK && given.every((item) => (Array.isArray(item) && item.length === 1 ? item[0] : item) === '');
    return isText && strings !== undefined && strings.length === count ? {kind: 'base64', files: strings}
        : invalid('JSON cannot hold bytes: write each image in Base64, or send it as binary data.');
}

// The elements of a BYTES tensor, null if the last one is not whole.
function elements(binary) {
    const found = [];
    let position = 0;
    while (position + 4 <= binary.length && found.length <= MAX_IMAGES) {
        const start = position + 4;
        position = start + binary.readUInt32LE(position);
        found.push(binary.subarray(start, position));
    }
    return position === binary.length || found.length > MAX_IMAGES ? found : null;
}

/** @returns {Images} */
function binaryPixels(binary, count) {
    if (binary.length !== count * PIXELS) {
        return otherCount(binary.length, count * PIXELS, 'bytes');
    }
    const found = [];
    for (let start = 0; start < binary.length; start += PIXELS) {
        found.push(binary.subarray(start, start + PIXELS));
    }
    return {kind: 'pixels', files: found};
}

// Where the numbers of one picture end and those of the next begin, only their reader could tell.
/** @returns {Images} */
function textPixels(given, numbers, count) {
    if (given !== json.MARK || numbers === undefined) {
        return invalid('The "data" of the pixels holds something else than whole numbers from 0 to 255.');
    }
    if (count > 1) {
        return {failure: errors.failure(413, `JSON may hold the pixels of one image, not of ${count}; send them as binary data, `
                                             + 'or each image in a request of its own.')};
    }
    return numbers.length < 2 * PIXELS + 1
        ? invalid(`The "data" of the pixels is too short: by the tensor's shape there should be ${PIXELS} numbers.`)
        : {kind: 'numbers', files: [numbers]};
}

function otherCount(found, wanted, what) {
    return invalid(`The tensor holds ${found} ${what}; by its shape there should be ${wanted}.`);
}

function invalid(message) {
    return {failure: errors.failure(400, message)};
}

export default {MAX_IMAGES, read};
