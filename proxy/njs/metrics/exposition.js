// Series as the text that Prometheus reads, in its own format and in OpenMetrics.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
// https://prometheus.io/docs/specs/om/open_metrics_spec/
import counters from 'counting/counters.js';

// docs/metrics.md explains them. The order is that of the answer.
const FAMILIES = {
    emotion_http_requests_total: ['counter', 'Requests by route, model and status.'],
    emotion_http_request_duration_seconds: ['histogram', 'Time from the first byte of a request to the last of its answer, by the class of its status.'],
    emotion_key_requests_total: ['counter', 'Requests by key, route and status.'],
    emotion_predictions_in_flight: ['gauge', 'Predictions that are being answered.'],
    emotion_predictions_held: ['gauge', 'Predictions that wait while another of their model is asked alone.'],
    emotion_cache_requests_total: ['counter', 'Predictions that could be answered from the cache, by whether they were.'],
    emotion_expected_wait_seconds: ['gauge', 'How long a prediction that comes now is expected to wait.'],
    emotion_rejections_total: ['counter', 'Requests refused for a limit, for an image that ends workers, or because TorchServe could not answer.'],
    emotion_prediction_retries_total: ['counter', 'Predictions sent to TorchServe again.'],
    emotion_prediction_queue_seconds: ['histogram', 'Time between sending a prediction to TorchServe and its batch in the worker.'],
    emotion_batch_decode_seconds: ['histogram', 'Time to decode and shrink all images of a batch.'],
    emotion_batch_inference_seconds: ['histogram', 'Time to compute a batch.'],
    emotion_batch_size: ['histogram', 'Images in a batch.'],
    emotion_picture_faces: ['histogram', 'Faces in a picture whose faces were asked for.'],
    emotion_face_detection_seconds: ['histogram', 'Time to find the faces of a picture and to cut them out.'],
    emotion_predictions_total: ['counter', 'Answered predictions, and faces, by their most probable emotion.'],
    emotion_trial_predictions_total: ['counter', 'Predictions asked of a canary or a shadow, by what came of them.'],
    emotion_trial_comparisons_total: ['counter', 'Pictures that both versions answered, by the label of the one that serves.'],
    emotion_trial_aborts_total: ['counter', 'Canaries and shadows that were aborted by the proxy.'],
    emotion_trial_share: ['gauge', 'The part of the clients that a canary answers, or of the predictions that a shadow is asked for.'],
    emotion_trial_aborted: ['gauge', '1 for a canary or shadow that the proxy has aborted, until somebody removes it.'],
    emotion_image_errors_total: ['counter', 'Images a worker could not use.'],
    emotion_worker_restarts_total: ['counter', 'Workers that TorchServe started again.'],
    emotion_node_requests_total: ['counter', 'Requests of a balancer to its nodes, by what came of them.'],
    emotion_node_up: ['gauge', '1 if the node answered the balancer when it was last asked.'],
    emotion_node_requests_in_flight: ['gauge', 'Requests that the node has under way for this balancer.'],
    emotion_model_nodes: ['gauge', 'Nodes on which the model has a READY worker.'],
    emotion_models_available: ['gauge', 'Models in the catalogue.'],
    emotion_models_loaded: ['gauge', 'Models with a READY worker.'],
    emotion_model_expected: ['gauge', '1 if the model should have a READY worker.'],
    emotion_model_ready: ['gauge', '1 if the model has a READY worker.'],
    emotion_model_refused: ['gauge', '1 if the build does not let the model be served.'],
    emotion_model_stand_in: ['gauge', '1 if a stand-in serves, whose answers mean nothing.'],
    emotion_model_info: ['gauge', 'Version, digest and precision of the archive that is registered.'],
    emotion_worker_resident_memory_bytes: ['gauge', 'Resident memory of the workers of a model.'],
    emotion_memory_limit_bytes: ['gauge', 'Memory of the machine, or of the container if that is limited.'],
    emotion_memory_available_bytes: ['gauge', 'How much of it is left.'],
    emotion_torchserve_up: ['gauge', '1 if the management API of TorchServe answers.'],
    emotion_log_writable: ['gauge', '1 if the log of the requests can be written.'],
    emotion_supervisor_up: ['gauge', '1 if something brings back the parts of the stack that end.'],
    emotion_stack_restarts_total: ['counter', 'Parts of the stack that the supervisor has brought back.'],
    emotion_build_info: ['gauge', 'The version of the service.'],
};

/**
 * What the formats differ in.
 * @typedef {{family: (name: string, type: string) => string, bound: (bound: number | string) => string,
 *            exemplar: (bucket: string) => string}} Format
 */

/** @type {Format} */
const PLAIN = {family: (name) => name, bound: String, exemplar: () => ''};

/**
 * @param {Object<string, number>} values  by series; a histogram's buckets are those of counters.js
 * @returns {string}
 */
function text(values) {
    return written(values, PLAIN);
}

/**
 * The same in OpenMetrics, which has exemplars; whoever sends it ends it with "# EOF".
 * @param {Object<string, number>} values
 * @param {Object<string, string>} exemplars  by bucket
 * @returns {string}
 */
function openMetrics(values, exemplars) {
    return written(values, {
        family: (name, type) => (type === 'counter' ? name.slice(0, -'_total'.length) : name),
        bound: (bound) => (Number.isInteger(bound) ? `${bound}.0` : String(bound)),
        exemplar: (bucket) => (exemplars[bucket] === undefined ? '' : ` # ${exemplars[bucket]}`),
    });
}

/**
 * @param {Object<string, number>} values
 * @param {Format} format
 */
function written(values, format) {
    const families = {};
    Object.keys(values).sort().forEach((key) => {
        const name = /^[a-z_]+/.exec(key)[0];
        families[name] = families[name] || [];
        families[name].push(key);
    });
    return Object.keys(FAMILIES).filter((name) => families[name] !== undefined).map((name) => {
        const family = format.family(name, FAMILIES[name][0]);
        const head = `# HELP ${family} ${FAMILIES[name][1]}\n# TYPE ${family} ${FAMILIES[name][0]}\n`;
        const lines = FAMILIES[name][0] === 'histogram'
            ? histograms(name, families[name], values, format)
            : families[name].map((key) => `${key} ${values[key]}\n`);
        return head + lines.join('');
    }).join('');
}

function histograms(name, keys, values, format) {
    return keys.filter((key) => key.endsWith(' sum')).map((key) => {
        const labels = key.slice(name.length + 1, -'} sum'.length);
        let count = 0;
        const buckets = counters.BOUNDS[name].concat('+Inf').map((bound, index) => {
            const bucket = `${name}{${labels}} ${index}`;
            count += values[bucket] || 0;
            return `${name}_bucket{${labels},le="${format.bound(bound)}"} ${count}${format.exemplar(bucket)}\n`;
        });
        return `${buckets.join('')}${name}_sum{${labels}} ${values[key]}\n${name}_count{${labels}} ${count}\n`;
    });
}

export default {openMetrics, text};
