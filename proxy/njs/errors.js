// The one place that makes an error's body.

function body(sentence) {
    return JSON.stringify({success: false, error: sentence});
}

function send(r, status, sentence, headers) {
    Object.assign(r.headersOut, {'Content-Type': 'application/json'}, headers);
    r.return(status, body(sentence));
}

// A client's value as an error may repeat it: in quotes and not endless.
function quote(value) {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

export default {body, quote, send};
