// multipart/form-data (RFC 7578, RFC 2046 section 5.1) read in place: parts are slices of the body, nothing is copied.
// https://www.rfc-editor.org/rfc/rfc7578
import contentType from 'predict/content_type.js';
import errors from 'http/errors.js';
import parameters from 'predict/parameters.js';
import search from 'predict/search.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/**
 * A failure, or the fields by name; of the one that may be repeated, a list of its values.
 * @typedef {{failure?: Failure, fields?: Object<string, any>}} Form
 */

const EOL = '\r\n';
// Every bound is far above what clients send, and so low that no form takes long to read.
const MAX_PARTS = 20;
const MAX_PART_HEADERS = 8192;
const MAX_FIELD_NAME = 100;
const MAX_PADDING = 64;
// In data, a boundary with more behind it; only an attacker sends many.
const MAX_FALSE_DELIMITERS = 100;
// Of another boundary, in a message.
const MAX_SHOWN = 80;
const GZIP = [0x1f, 0x8b];
const LF = 10, CR = 13, SPACE = 32, TAB = 9, DASH = 45;

/**
 * The form's fields, each a slice of the body.
 * @param {string} type  the Content-Type
 * @param {Buffer | undefined} body
 * @param {string} [repeatable]  the field that may appear several times
 * @returns {Form}
 */
function parse(type, body, repeatable) {
    const declared = contentType.read(type);
    if (declared.failure) {
        return {failure: declared.failure};
    }
    if (body === undefined || body.length === 0) {
        return malformed('it is empty');
    }
    const form = {body, delimiter: Buffer.from(`${EOL}--${declared.boundary}`), falseDelimiters: 0};
    let line = firstDelimiter(form);
    if (line === null) {
        return malformed(withoutDelimiter(form));
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
        if (part.name === repeatable) {
            fields[part.name] = (fields[part.name] || []).concat([part.value]);
        } else if (fields[part.name] !== undefined) {
            return malformed(`the field "${part.name}" appears twice`);
        } else {
            fields[part.name] = part.value;
        }
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
        if (line !== null && !line.loose) {
            return line;
        }
    }
    return nextDelimiter(form, 0);
}

// Why a form without a delimiter has none.
function withoutDelimiter(form) {
    const own = form.delimiter.subarray(EOL.length);
    const first = /^[^\r\n]*/.exec(form.body.toString('utf8', 0, MAX_SHOWN + 2))[0];
    if (form.body[0] === GZIP[0] && form.body[1] === GZIP[1]) {
        return 'it is compressed; send it as it is';
    }
    if (search.find(form.body, Buffer.concat([own, Buffer.from('\n')]), 0) !== -1) {
        return 'its lines end in a line feed alone, instead of a carriage return and a line feed';
    }
    if (first.startsWith('--') && first !== own.toString()) {
        return `it begins with the boundary ${errors.quote(first.slice(2))}, and its Content-Type names another one`;
    }
    return 'it has no line with the boundary that its Content-Type names';
}

// The next delimiter line at or after position: where it starts and what follows it, null if there is none. A last one
// with more behind it in its line only counts if no other follows: with a short boundary, data may look like it.
function nextDelimiter(form, position) {
    let loose = null;
    let start = search.find(form.body, form.delimiter, position);
    while (start !== -1 && form.falseDelimiters < MAX_FALSE_DELIMITERS) {
        const line = lineEnd(form.body, start + form.delimiter.length);
        if (line !== null) {
            line.start = start;
            if (!line.loose) {
                return line;
            }
            loose = loose || line;
        }
        form.falseDelimiters++;
        start = search.find(form.body, form.delimiter, start + 1);
    }
    return loose;
}

// What follows a boundary: "--" or nothing, then blanks and the line's end; else it was no boundary but data.
function lineEnd(body, position) {
    const closing = body[position] === DASH && body[position + 1] === DASH;
    const end = closing ? position + 2 : position;
    position = end;
    const last = position + MAX_PADDING;
    while (position < last && (body[position] === SPACE || body[position] === TAB)) {
        position++;
    }
    if (body[position] === CR && body[position + 1] === LF) {
        return {closing, end: position + 2, loose: false};
    }
    return closing ? {closing, end, loose: position < body.length && body[position] !== LF} : null;
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

// The name in a part's Content-Disposition, null without one: of which kind it is does not matter, nor do file names. Its
// line may be continued in further ones that begin with a blank.
function fieldName(head) {
    const disposition = /^content-disposition[ \t]*:[^;\r\n]*(;[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/im.exec(head);
    return disposition === null ? null : parameters.find(disposition[1], 'name', MAX_FIELD_NAME) || null;
}

export default {parse};
