// Several networks on one image at the same time. The image is not copied: each subrequest reads the form's bytes.
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

export default {ask};
