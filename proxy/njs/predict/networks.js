// Several predictions of one request at the same time. No image is copied: each subrequest reads the request's bytes.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#r_subrequest
import answering from 'predict/answering.js';
import availability from 'models/availability.js';
import counting from 'counting/networks.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */

/**
 * Resolves to the outcome of each network, by its name, when the last one has come to an end.
 * @param {NginxHTTPRequest} r
 * @param {Buffer} file
 * @param {string[]} names  each once
 * @returns {Promise<Object<string, Outcome>>}
 */
async function ask(r, file, names) {
    const outcomes = {};
    counting.begin(r, names);
    await Promise.all(names.map(async (name) => {
        outcomes[name] = await askOne(r, {file, name, notes: {}});
    }));
    return outcomes;
}

/**
 * Resolves to the outcome of each image, in their order. The request itself is in flight for one of them.
 * @param {NginxHTTPRequest} r
 * @param {Buffer[]} files
 * @param {string} name  of a network
 * @returns {Promise<Outcome[]>}
 */
function askEach(r, files, name) {
    counting.begin(r, files.slice(1).map(() => name));
    return Promise.all(files.map((file) => askOne(r, {file, name, notes: {}})));
}

// What goes wrong with one must cost the others nothing.
async function askOne(r, given) {
    /** @type {Outcome} */
    let outcome;
    try {
        outcome = await answering.answer(r, given);
    } catch (error) {
        r.error(`request ${r.variables.request_identifier}: model ${given.name}: ${error.message}`);
        outcome = {failure: availability.broken(`Model ${given.name} failed on this image; see the proxy's log on the server.`)};
    }
    const failure = outcome.failure;
    counting.end(r, given, failure ? failure.status : outcome.status, failure ? failure.reason : undefined);
    return outcome;
}

export default {ask, askEach};
