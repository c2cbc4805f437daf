// The images in the one tensor of an inference request. Binary data is sliced where it lies.
import errors from 'http/errors.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{failure?: Failure, files?: Buffer[], kind?: 'file' | 'pixels'}} Images  a failure, or the rest */

// As many as a client may have under way by default. Pixels of as many just fit into a body.
const MAX_IMAGES = 64;
const MAX_DIMENSIONS = 4;
const PIXELS = 224 * 224 * 3;

/**
 * @param {any} inputs  of the request
 * @param {Buffer} binary  what follows the JSON
 * @returns {Images}
 */
function read(inputs, binary) {
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
    if (size === undefined ? binary.length > 0 : size !== binary.length) {
        const said = typeof size === 'number' ? size : 'no number';
        return invalid(`${binary.length} bytes follow the JSON; the tensor's "binary_data_size" is ${said}.`);
    }
    if (size === undefined && !Array.isArray(tensor.data)) {
        return invalid('The tensor has neither "data" nor a "binary_data_size".');
    }
    return tensor.datatype === 'BYTES' ? files(tensor, count, binary, size) : pixels(tensor, count, binary, size);
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
function files(tensor, count, binary, size) {
    if (size === undefined && tensor.data.length !== count) {
        return otherCount(tensor.data.length, count, 'images');
    }
    const found = size === undefined ? decoded(tensor.data) : elements(binary);
    if (found === null) {
        return invalid(size === undefined
            ? 'JSON cannot hold bytes: write each image in Base64, or send it as binary data.'
            : 'The binary data is cut off: each image has its size before it, in 4 bytes, the lowest first.');
    }
    return found.length === count ? {kind: 'file', files: found} : otherCount(found.length, count, 'images');
}

// Each string of a list, which may be a list itself ([N,1]), from Base64; null if one is not in it.
function decoded(data) {
    const found = data.map((item) => fromBase64(Array.isArray(item) && item.length === 1 ? item[0] : item));
    return found.includes(null) ? null : found;
}

// njs reads Base64 up to the first letter of another alphabet; what that gives is too short.
function fromBase64(text) {
    if (typeof text !== 'string') {
        return null;
    }
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    const bytes = Buffer.from(text, 'base64');
    return bytes.length === Math.floor((text.length - padding) * 3 / 4) ? bytes : null;
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
function pixels(tensor, count, binary, size) {
    const bytes = size === undefined ? toBytes(tensor.data) : binary;
    if (bytes === null) {
        return invalid('The "data" of the pixels holds something else than whole numbers from 0 to 255.');
    }
    if (bytes.length !== count * PIXELS) {
        return otherCount(bytes.length, count * PIXELS, 'bytes');
    }
    const found = [];
    for (let start = 0; start < bytes.length; start += PIXELS) {
        found.push(bytes.subarray(start, start + PIXELS));
    }
    return {kind: 'pixels', files: found};
}

// Numbers to bytes, null for others than those of a byte. As text, lists in lists are flat. All of it is done by njs itself,
// since a step of a script for each of so many numbers would take seconds.
function toBytes(data) {
    try {
        const text = data.join();
        const bytes = Uint8Array.from(Array.isArray(data[0]) ? JSON.parse(`[${text}]`) : data);
        return bytes.join() === text ? Buffer.from(bytes.buffer) : null;
    } catch (error) {
        return null;
    }
}

function otherCount(found, wanted, what) {
    return invalid(`The tensor holds ${found} ${what}; by its shape there should be ${wanted}.`);
}

function invalid(message) {
    return {failure: errors.failure(400, message)};
}

export default {read};
