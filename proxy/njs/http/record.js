// A request that is over, as the log and the counters take it.
import routes from 'http/routes.js';

// nginx's own status for a client that left. It has none yet for one that resets its stream of HTTP/2 before the answer.
const LEFT = 499;

/**
 * What the worker wrote of its answer (handlers/worker_metrics.py); {} where there is none. Times are seconds; image is the
 * beginning of the image's SHA-256; images is how many the batch had, where its pictures have several faces; trial is the proxy's: that a canary answered, or did not, so that the version that serves did.
 * @typedef {{queue?: number, decode?: number, inference?: number, batch?: number, images?: number, item?: number, emotion?: string,
 *            error?: string, version?: string, image?: string, faces?: number, detect?: number,
 *            emotions?: Object<string, number>, trial?: 'canary' | 'repeated'}} Report
 */

/**
 * What is logged of a request.
 * @param {NginxHTTPRequest} r
 * @param {Report} report
 */
function fields(r, report) {
    const variables = r.variables;
    return {
        time: new Date().toISOString(),
        request_id: variables.request_identifier,
        trace_id: variables.trace_id || undefined,
        client: variables.remote_addr,
        key: variables.key_name || undefined,
        method: variables.request_method || '',
        path: variables.request_path || '',
        model: variables.model || '',
        node: variables.node || undefined,
        status: Number(variables.status) || LEFT,
        received_bytes: Number(variables.request_length),
        sent_bytes: Number(variables.bytes_sent),
        seconds: Number(variables.request_time),
        torchserve_seconds: variables.torchserve_ms ? Number(variables.torchserve_ms) / 1000 : undefined,
        queue_seconds: report.queue,
        decode_seconds: report.decode,
        inference_seconds: report.inference,
        batch: report.batch,
        faces: report.faces,
        detection_seconds: report.detect,
        version: report.version,
        trial: report.trial,
        image_sha256: report.image || variables.image_digest || undefined,
        image_error: report.error,
        cache: variables.cache_result || undefined,
        retries: Number(variables.repeats || 0),
        predictions: variables.predictions ? JSON.parse(`[${variables.predictions}]`) : undefined,
        rejection: variables.rejection || undefined,
    };
}

/**
 * What is logged of one of several networks that a request asked.
 * @param {string} model
 * @param {number} status
 * @param {string | undefined} rejection
 * @param {{torchserve_ms?: string, repeats?: string, image_digest?: string, cache_result?: string}} notes
 * @param {Report} report
 */
function prediction(model, status, rejection, notes, report) {
    return {
        model,
        status,
        torchserve_seconds: notes.torchserve_ms ? Number(notes.torchserve_ms) / 1000 : undefined,
        queue_seconds: report.queue,
        decode_seconds: report.decode,
        inference_seconds: report.inference,
        batch: report.batch,
        version: report.version,
        trial: report.trial,
        image_sha256: report.image || notes.image_digest,
        image_error: report.error,
        cache: notes.cache_result,
        retries: Number(notes.repeats || 0),
        rejection,
    };
}

/**
 * The route of a path as a label of metrics, without the names in it.
 * @param {string} path
 */
function route(path) {
    return routes.allowed(path) !== '' ? routes.pattern(path) : 'other';
}

/**
 * @param {string} [text]  X-Prediction-Report
 * @returns {Report}
 */
function readReport(text) {
    try {
        return JSON.parse(text || '{}');
    } catch (error) {
        return {};
    }
}

export default {fields, prediction, readReport, route};
