// GET /: the service's name and version, for clients that do not ask for a page.
import answers from 'http/answers.js';

/** @param {NginxHTTPRequest} r */
function show(r) {
    answers.json(r, 200, {name: settings.name, version: settings.version});
}

export default {show};
