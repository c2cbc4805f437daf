// GET /: what this is, for those who ask for no page.
import answers from 'http/answers.js';

/** @param {NginxHTTPRequest} r */
function show(r) {
    answers.json(r, 200, {name: settings.name, version: settings.version});
}

export default {show};
