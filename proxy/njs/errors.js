// The one place that makes an error's body.

const UNPRINTABLE = /[\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u200b-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufff0-\ufffb]/g;

function body(sentence) {
    return JSON.stringify({success: false, error: sentence});
}

function send(r, status, sentence, headers) {
    answer(r, status, body(sentence), headers);
}

// Send JSON; nothing comes of it when the client has gone.
function answer(r, status, text, headers) {
    Object.assign(r.headersOut, {'Content-Type': 'application/json'}, headers);
    try {
        r.return(status, text);
    } catch (error) {
        if (!/send response/.test(error.message)) {
            throw error;
        }
        r.log(`request ${r.variables.request_identifier}: the client left before its answer.`);
    }
}

// A client's value as an error may repeat it: in quotes, not endless, without what no screen shows.
function quote(value) {
    const text = value.length > 80 ? `${value.slice(0, 80)}…` : value;
    return `'${text.replace(UNPRINTABLE, '\ufffd')}'`;
}

export default {answer, body, quote, send};
