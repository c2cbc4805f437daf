// The tensors of an inference's answer, as JSON or as binary data.
import errors from 'http/errors.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {import('predict/results.js').Result} Result */
/** @typedef {{name: string, binary: boolean, classes: number}} Wanted  classes: of the classification extension, else 0 */
/** @typedef {{name: string, datatype: string, shape: number[], values: (string | number)[]}} Tensor */

const NAMES = ['probabilities', 'label', 'status', 'error'];

/**
 * Which outputs a request wants, and how.
 * @param {any} request
 * @returns {{failure?: Failure, wanted?: Wanted[]}}
 */
function wanted(request) {
    const all = (request.parameters || {}).binary_data_output === true;
    if (request.outputs === undefined) {
        return {wanted: NAMES.map((name) => ({name, binary: all, classes: 0}))};
    }
    const asked = Array.isArray(request.outputs) && request.outputs.length <= NAMES.length ? request.outputs : [null];
    const found = asked.map((output) => read(output, all));
    return found.includes(null)
        ? {failure: errors.failure(400, `The "outputs" are a list of ${NAMES.join(', ')}, each an object with its "name"; `
                                        + 'a "classification" of "probabilities" is a whole number from 1 on.')}
        : {wanted: found};
}

function read(output, all) {
    if (output === null || typeof output !== 'object' || !NAMES.includes(output.name)) {
        return null;
    }
    const parameters = output.parameters || {};
    const classes = parameters.classification === undefined ? 0 : parameters.classification;
    const isUsable = classes === 0 || (Number.isInteger(classes) && classes > 0 && output.name === 'probabilities');
    const binary = parameters.binary_data === undefined ? all : parameters.binary_data === true;
    return isUsable ? {name: output.name, binary, classes} : null;
}

/**
 * An output of all images. What has no answer has no numbers in its row.
 * @param {Wanted} wish
 * @param {Result[]} results
 * @param {string[]} labels
 * @returns {Tensor}
 */
function tensor(wish, results, labels) {
    const count = results.length;
    const name = wish.name;
    switch (name) {
    case 'label':
        return {name, datatype: 'BYTES', shape: [count], values: results.map((result) => result.top_emotion || '')};
    case 'status':
        return {name, datatype: 'INT32', shape: [count], values: results.map((result) => (result.success ? 200 : result.status))};
    case 'error':
        return {name, datatype: 'BYTES', shape: [count], values: results.map((result) => result.error || '')};
    }
    if (wish.classes === 0) {
        return {name, datatype: 'FP32', shape: [count, labels.length], values: flat(results, (result) => row(result, labels))};
    }
    const classes = Math.min(wish.classes, labels.length);
    return {name, datatype: 'BYTES', shape: [count, classes], values: flat(results, (result) => ranked(result, labels, classes))};
}

function flat(results, make) {
    return results.reduce((values, result) => values.concat(make(result)), []);
}

function row(result, labels) {
    return labels.map((label) => (result.success ? result.predictions[label] : NaN));
}

// "value:index:label", the most probable first; a worker's answer is in that order.
// https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
function ranked(result, labels, classes) {
    const first = result.success ? Object.keys(result.predictions).slice(0, classes) : labels.slice(0, classes).map(() => '');
    return first.map((label) => (label === '' ? '' : `${result.predictions[label]}:${labels.indexOf(label)}:${label}`));
}

/**
 * The body of an answer, and its headers.
 * @param {Object} head  the answer's fields before "outputs"
 * @param {Tensor[]} tensors
 * @param {boolean[]} binary  of each tensor
 * @returns {{body: string | Buffer, headers: Object<string, string>}}
 */
function written(head, tensors, binary) {
    const parts = tensors.map((one, index) => (binary[index] ? bytes(one) : null));
    const outputs = tensors.map((one, index) => Object.assign(
        {name: one.name, datatype: one.datatype, shape: one.shape},
        parts[index] === null ? {data: one.values} : {parameters: {binary_data_size: parts[index].length}}
    ));
    // NaN becomes null.
    const json = JSON.stringify(Object.assign({}, head, {outputs}));
    const data = parts.filter((part) => part !== null);
    if (data.length === 0) {
        return {body: json, headers: {}};
    }
    const start = Buffer.from(json);
    return {
        body: Buffer.concat([start].concat(data)),
        headers: {'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': String(start.length)},
    };
}

// Little-endian, without gaps; strings with their sizes before them.
function bytes(one) {
    if (one.datatype === 'BYTES') {
        return Buffer.concat(one.values.reduce((all, text) => {
            const value = Buffer.from(String(text));
            const size = Buffer.alloc(4);
            size.writeUInt32LE(value.length, 0);
            return all.concat([size, value]);
        }, []));
    }
    const numbers = Buffer.alloc(4 * one.values.length);
    one.values.forEach((value, index) => {
        if (one.datatype === 'FP32') {
            numbers.writeFloatLE(Number(value), 4 * index);
        } else {
            numbers.writeInt32LE(Number(value), 4 * index);
        }
    });
    return numbers;
}

export default {tensor, wanted, written};
