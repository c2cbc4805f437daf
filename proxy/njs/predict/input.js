// What a prediction is asked for: the image and the model's name, out of the form.
import catalogue from 'models/catalogue.js';
import deadline from 'predict/deadline.js';
import errors from 'http/errors.js';
import form from 'predict/form.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{failure?: Failure, file?: Buffer, name?: string, fields?: Object<string, Buffer>}} Input  a failure, or the rest */
/** @typedef {{failure?: Failure, file?: Buffer, names?: string[]}} Inputs  the same for several models */

// Of a model's name that is compared: more than any has. Replacing in a long text is slow in njs.
const MAX_NAME_BYTES = 400;
// Of the models an error lists.
const MAX_NAMES = 12;

/**
 * @param {NginxHTTPRequest} r
 * @returns {Input}
 */
function read(r) {
    const parsed = fieldsOf(r);
    if (parsed.failure) {
        return {failure: parsed.failure};
    }
    const file = parsed.fields.file;
    const missing = ['file', 'model'].filter((field) => parsed.fields[field] === undefined);
    if (missing.length > 0) {
        return invalid(400, `The form has no ${missing.map((field) => `"${field}"`).join(' and no ')}; send both, `
                            + 'the image as "file" and the model\'s name as "model".');
    }
    const name = parsed.fields.model;
    return name.length > 0 && file.length === 0 ? emptyFile() : Object.assign({file, fields: parsed.fields}, named(name));
}

/**
 * The image and the models of a form that may name several, or none for all.
 * @param {NginxHTTPRequest} r
 * @returns {Inputs}
 */
function readSeveral(r) {
    const parsed = fieldsOf(r, 'model');
    if (parsed.failure) {
        return {failure: parsed.failure};
    }
    const file = parsed.fields.file;
    if (file === undefined) {
        return invalid(400, 'The form has no "file"; send the image as "file".');
    }
    const models = (parsed.fields.model || []).map(named);
    const unknown = models.find((model) => model.failure !== undefined);
    const names = models.length > 0 ? models.map((model) => model.name) : catalogue.names();
    const repeated = names.find((name, index) => names.indexOf(name) !== index);
    if (unknown !== undefined || file.length === 0) {
        return unknown || emptyFile();
    }
    return repeated === undefined ? {file, names} : invalid(400, `The form names the model ${repeated} twice; name each once.`);
}

/** @returns {import('predict/form.js').Form} */
function fieldsOf(r, repeatable) {
    const failure = unreadable(r, 'form');
    if (failure !== null) {
        return {failure};
    }
    return form.parse(r.headersIn['Content-Type'] || '', r.requestBuffer, repeatable);
}

/**
 * Why a body cannot be read, or not by when it shall be answered; null if it can.
 * @param {NginxHTTPRequest} r
 * @param {string} what  the body, in a message
 * @returns {Failure | null}
 */
function unreadable(r, what) {
    if (r.variables.request_body_file) {
        return errors.failure(413, 'The body was sent in chunks of a few bytes; send it in larger ones, or with its length.');
    }
    const encoding = r.headersIn['Content-Encoding'];
    return encoding === undefined || encoding.toLowerCase() === 'identity' ? deadline.note(r)
        : errors.failure(400, `The ${what} is compressed (Content-Encoding: ${errors.quote(encoding)}); send it as it is.`);
}

function emptyFile() {
    return invalid(400, 'The field "file" is empty; send an image.');
}

/** @returns {{failure?: Failure, name?: string}} */
function named(bytes) {
    if (bytes.length === 0) {
        return invalid(400, 'The field "model" is empty; send one of the names GET /api/v1/models lists.');
    }
    const names = catalogue.names();
    const name = bytes.toString('utf8', 0, MAX_NAME_BYTES);
    const whole = bytes.length <= MAX_NAME_BYTES;
    if (whole && names.includes(name)) {
        return {name};
    }
    const meant = whole ? names.find((candidate) => isMeant(candidate, name)) : undefined;
    const hint = meant === undefined ? '' : ` Did you mean ${meant}? Send it exactly so, without any encoding.`;
    const listed = names.slice(0, MAX_NAMES).join(', ') + (names.length > MAX_NAMES ? ', …' : '');
    return invalid(400, `Unknown model ${errors.quote(name)}; GET /api/v1/models lists the models: ${listed}.${hint}`);
}

function invalid(status, message) {
    return {failure: errors.failure(status, message)};
}

function isMeant(candidate, name) {
    return simplified(candidate) === simplified(name) || candidate === Buffer.from(name.trim(), 'base64').toString();
}

// A name without its case, and without what URL encoding does to "+".
function simplified(name) {
    return name.trim().replace(/ |%2b/gi, '+').toLowerCase();
}

export default {read, readSeveral, unreadable};
