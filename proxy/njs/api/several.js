// What asks for more than one emotion, or by other means than a form.
import compare from 'predict/compare.js';
import faces from 'predict/faces.js';
import infer from 'oip/infer.js';
import turns from 'http/turns.js';

const OPERATIONS = {
    compare: compare.compare,
    faces: faces.find,
    oipInfer: infer.infer,
};

/** @param {NginxHTTPRequest} r */
function handle(r) {
    return turns.handle(r, OPERATIONS);
}

export default {handle};
