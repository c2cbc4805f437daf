// The Open Inference Protocol: what the server is, and whether it is live and ready.
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
import answers from 'http/answers.js';
import readiness from 'describe/ready.js';

// Triton's names: https://github.com/triton-inference-server/server/tree/main/docs/protocol
const EXTENSIONS = ['binary_tensor_data', 'classification'];

/** @param {NginxHTTPRequest} r */
function show(r) {
    answers.json(r, 200, {name: settings.name, version: settings.version, extensions: EXTENSIONS});
}

/** @param {NginxHTTPRequest} r */
function live(r) {
    answers.json(r, 200, {live: true});
}

/** @param {NginxHTTPRequest} r */
function ready(r) {
    tell(r, {}, readiness.serviceProblem());
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Object<string, string>} what  of whom it is told
 * @param {string | null} problem
 */
function tell(r, what, problem) {
    if (problem === null) {
        return answers.json(r, 200, Object.assign({}, what, {ready: true}));
    }
    r.headersOut['Retry-After'] = String(readiness.RETRY_AFTER);
    answers.json(r, 503, Object.assign({}, what, {ready: false, error: `Not ready: ${problem}`}));
}

export default {live, ready, show, tell};
