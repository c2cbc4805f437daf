// The one place that makes an error's body.

function send(r, status, sentence, headers) {
    const names = Object.keys(headers || {});
    for (let i = 0; i < names.length; i++) {
        r.headersOut[names[i]] = headers[names[i]];
    }
    r.headersOut['Content-Type'] = 'application/json';
    r.return(status, JSON.stringify({success: false, error: sentence}));
}

// 503: the client may try again after so many seconds.
function unavailable(r, sentence, seconds) {
    send(r, 503, sentence, {'Retry-After': String(seconds)});
}

// A client's value as an error may repeat it: in quotes and not endless.
function quote(value) {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

export default {quote, send, unavailable};
