// multipart/form-data (RFC 7578, RFC 2046 section 5.1) read in place: parts are slices of the body, nothing is copied.
// https://www.rfc-editor.org/rfc/rfc7578
import errors from 'http/errors.js';
import search from 'predict/search.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{failure?: Failure, fields?: Object<string, Buffer>}} Form  a failure, or the fields by name */

const EOL = '\r\n';
// Every bound is far above what clients send, and so low that no form takes long to read.
const MAX_PARTS = 20;
const MAX_PART_HEADERS = 8192;
const MAX_PARAMETERS = 20;
const MAX_FIELD_NAME = 100;
const MAX_PADDING = 64;
// In data, a boundary with more behind it; only an attacker sends many.
const MAX_FALSE_DELIMITERS = 100;
const LF = 10, CR = 13, SPACE = 32, TAB = 9, DASH = 45;

/**
 * The boundary a Content-Type header names, or null if it is not multipart/form-data with a usable boundary.
 * @param {string} contentType
 */
function boundaryOf(contentType) {
    if (!/^\s*multipart\/form-data\s*;/i.test(contentType)) {
        return null;
    }
    const found = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)+)"|([^\s;"]+))/i.exec(contentType);
    if (found === null) {
        return null;
    }
    const boundary = found[1] === undefined ? found[2] : found[1].replace(/\\(.)/g, '$1');
    return /^[!-~ ]{0,69}[!-~]$/.test(boundary) ? boundary : null;
}

/**
 * The form's fields, each a slice of the body.
 * @param {string} contentType
 * @param {Buffer | undefined} body
 * @returns {Form}
 */
function parse(contentType, body) {
    const boundary = boundaryOf(contentType);
    if (boundary === null) {
        return {failure: errors.failure(400, 'The body must be multipart/form-data with a boundary in its Content-Type; '
                                             + 'let the client library set this header.')};
    }
    if (body === undefined || body.length === 0) {
        return malformed('it is empty');
    }
    const form = {body, delimiter: Buffer.from(`${EOL}--${boundary}`), falseDelimiters: 0};
    let line = firstDelimiter(form);
    if (line === null) {
        return malformed('it has no line with the boundary that its Content-Type names');
    }
    const fields = Object.create(null);
    for (let count = 0; !line.closing; count++) {
        if (count === MAX_PARTS) {
            return malformed(`it has more than ${MAX_PARTS} parts`);
        }
        const part = readPart(form, line);
        if (part.failure) {
            return {failure: part.failure};
        }
        if (fields[part.name] !== undefined) {
            return malformed(`the field "${part.name}" appears twice`);
        }
        fields[part.name] = part.value;
        line = part.next;
    }
    return {fields};
}

function malformed(reason) {
    return {failure: errors.failure(400, `The form cannot be read: ${reason}; `
                                         + 'send multipart/form-data with the fields "file" and "model".')};
}

// Lines before the first boundary are a preamble, to be ignored (RFC 2046 section 5.1.1).
function firstDelimiter(form) {
    const dashes = form.delimiter.subarray(EOL.length);
    if (form.body.subarray(0, dashes.length).equals(dashes)) {
        const line = lineEnd(form.body, dashes.length);
        if (line !== null) {
            return line;
        }
    }
    return nextDelimiter(form, 0);
}

// The next delimiter line at or after position: where it starts and what follows it, null if there is none.
function nextDelimiter(form, position) {
    let start = search.find(form.body, form.delimiter, position);
    while (start !== -1 && form.falseDelimiters < MAX_FALSE_DELIMITERS) {
        const line = lineEnd(form.body, start + form.delimiter.length);
        if (line !== null) {
            line.start = start;
            return line;
        }
        form.falseDelimiters++;
        start = search.find(form.body, form.delimiter, start + 1);
    }
    return null;
}

// What follows a boundary: "--", or blanks and the line's end; else it was no boundary but data.
function lineEnd(body, position) {
    if (body[position] === DASH && body[position + 1] === DASH) {
        return {closing: true, end: position + 2};
    }
    const last = position + MAX_PADDING;
    while (position < last && (body[position] === SPACE || body[position] === TAB)) {
        position++;
    }
    if (body[position] === CR && body[position + 1] === LF) {
        return {closing: false, end: position + 2};
    }
    return null;
}

// The part after a delimiter line: {name, value, next delimiter line}, or {failure}.
function readPart(form, line) {
    const head = form.body.subarray(line.end - EOL.length, line.end + MAX_PART_HEADERS);
    const length = head.indexOf(EOL + EOL);
    if (length === -1) {
        return malformed('a part has no end of its headers');
    }
    const name = fieldName(head.toString('utf8', 0, length));
    if (name === null) {
        return malformed('a part has no name');
    }
    if (name.length > MAX_FIELD_NAME) {
        return malformed(`a part has a name of more than ${MAX_FIELD_NAME} characters`);
    }
    const start = line.end + length + EOL.length;
    // An empty value: the line break of the boundary is the one that ends the headers.
    const next = nextDelimiter(form, start - EOL.length);
    if (next === null) {
        return malformed(`its closing boundary is missing after the field "${name}", as if it was cut off`);
    }
    return {name, next, value: form.body.subarray(start, Math.max(start, next.start))};
}

// The name in a part's Content-Disposition, null without one. Its line may be continued in further ones that begin with
// a blank; file names do not matter.
function fieldName(head) {
    const disposition = /^content-disposition[ \t]*:[ \t]*form-data\s*(;[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/im.exec(head);
    // A quoted value without a closing quote extends to the end: searched again from every parameter, it would take long.
    const parameter = /;\s*([^=;\s]+)\s*=\s*(?:"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?$)|([^;\s]*))/g;
    if (disposition === null) {
        return null;
    }
    for (let count = 0; count < MAX_PARAMETERS; count++) {
        const found = parameter.exec(disposition[1]);
        if (found === null) {
            return null;
        }
        if (found[1].toLowerCase() === 'name') {
            return unquoted(found) || null;
        }
    }
    return null;
}

function unquoted(found) {
    const quoted = found[2];
    if (quoted === undefined) {
        return found[3];
    }
    return quoted.length > MAX_FIELD_NAME ? quoted : quoted.replace(/\\(.)/g, '$1');
}

export default {boundaryOf, parse};
