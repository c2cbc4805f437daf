// What a request says of its form: that it is one, and the boundary between its parts.
import errors from 'http/errors.js';
import parameters from 'predict/parameters.js';

/** @typedef {{failure?: import('http/errors.js').Failure, boundary?: string}} Declared  a failure, or the boundary */

// RFC 2046 allows 70; some clients take more, and Starlette takes as many.
const MAX_BOUNDARY = 256;
const REMEDY = 'let the client library set this header, as it does when it is not set';

/**
 * @param {string} type  the Content-Type
 * @returns {Declared}
 */
function read(type) {
    const end = type.indexOf(';');
    const kind = end === -1 ? type : type.slice(0, end);
    if (kind.trim().toLowerCase() !== 'multipart/form-data') {
        const what = type === '' ? 'The request has no Content-Type' : `The Content-Type is ${errors.quote(type)}`;
        return invalid(`${what}; send multipart/form-data, and ${REMEDY}.`);
    }
    const boundary = end === -1 ? '' : parameters.find(type.slice(end), 'boundary', MAX_BOUNDARY);
    if (boundary === '') {
        return invalid(`The Content-Type ${errors.quote(type)} names no boundary, which multipart/form-data needs; ${REMEDY}.`);
    }
    if (boundary.length > MAX_BOUNDARY) {
        return invalid(`The boundary of the multipart/form-data has ${boundary.length} characters; `
                       + `send one of at most ${MAX_BOUNDARY}.`);
    }
    if (!/^[ -~]+$/.test(boundary)) {
        return invalid(`The boundary ${errors.quote(boundary)} of the multipart/form-data has letters beyond ASCII; `
                       + 'send one without them.');
    }
    return {boundary};
}

function invalid(message) {
    return {failure: errors.failure(400, message)};
}

export default {read};
