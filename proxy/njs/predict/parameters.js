// Parameters of a header, as in `form-data; name="file"`: read like Starlette, which the clients of old were written for.
// https://www.rfc-editor.org/rfc/rfc2045#section-5.1

const MAX_PARAMETERS = 20;

/**
 * The value of the last parameter of that name, '' without one. Names are compared without their case; those with a `*`
 * are others (RFC 7578 section 4.2 forbids them). A value longer than `most` keeps its quotes and backslashes.
 * @param {string} text  what follows the first value, from its semicolon on
 * @param {string} name
 * @param {number} most
 */
function find(text, name, most) {
    let value = '';
    let start = 1;
    for (let count = 0; count < MAX_PARAMETERS && start <= text.length; count++) {
        const end = endOf(text, start);
        const parameter = text.slice(start, end);
        const equals = parameter.indexOf('=');
        if (equals !== -1 && parameter.slice(0, equals).trim().toLowerCase() === name) {
            value = unquoted(parameter.slice(equals + 1).trim(), most);
        }
        start = end + 1;
    }
    return value;
}

// The first semicolon that is not within quotes.
function endOf(text, start) {
    let quotes = 0;
    for (let from = start; ;) {
        const end = text.indexOf(';', from);
        quotes += countQuotes(end === -1 ? '' : text.slice(from, end));
        if (end === -1 || quotes % 2 === 0) {
            return end === -1 ? text.length : end;
        }
        from = end + 1;
    }
}

function countQuotes(text) {
    let count = 0;
    for (let place = text.indexOf('"'); place !== -1; place = text.indexOf('"', place + 1)) {
        count += text[place - 1] === '\\' ? 0 : 1;
    }
    return count;
}

// Replacing in a long text is slow in njs.
function unquoted(value, most) {
    const isQuoted = value.length >= 2 && value[0] === '"' && value[value.length - 1] === '"';
    return isQuoted && value.length <= 2 * most + 2
        ? value.slice(1, -1).replace(/\\\\/g, '\\').replace(/\\"/g, '"')
        : value;
}

export default {find};
