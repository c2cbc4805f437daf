// The answer to a client that has too many predictions under way. Who comes back at once gets it only after a second: to answer
// those who ask again and again would take the processors from the workers.
import admission from 'models/admission.js';
import answers from 'http/answers.js';
import nginxErrors from 'http/nginx_errors.js';
import pause from 'http/pause.js';
import underWay from 'counting/under_way.js';

// As models/admission.js holds those whose model is busy.
const HELD_MS = 1000;
const MAX_HELD = 1024;
// Not the name of a client.
const HELD = '(held)';

/** @param {NginxHTTPRequest} r */
async function tooMany(r) {
    const isConcurrent = r.variables.rejection === 'concurrency';
    if (isConcurrent && mustWait(r)) {
        await pause(HELD_MS);
        underWay.end(ngx.shared.clients, HELD, 1);
    }
    // A rate's limit is that of a second at most.
    const retryAfter = isConcurrent ? admission.nextAnswer(r) : 1;
    answers.send(r, 429, nginxErrors.body(r), {'Retry-After': String(retryAfter)});
}

function mustWait(r) {
    const isFirst = ngx.shared.refused.add(`429 ${r.variables.key_name || r.variables.remote_addr}`, 1);
    if (isFirst) {
        return false;
    }
    if (underWay.begin(ngx.shared.clients, HELD, 1) > MAX_HELD) {
        underWay.end(ngx.shared.clients, HELD, 1);
        return false;
    }
    return true;
}

export default {tooMany};
