// What the proxy counts, in a dictionary its processes share. A counter's key is its line in the exposition; a
// histogram has a key for each bucket and one for the sum.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#dict_incr

// Upper bounds of the buckets, in seconds, images or faces. Fine where an answer usually falls, coarse up to the time-outs.
const STAGE_BOUNDS = [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BOUNDS = {
    emotion_http_request_duration_seconds:
        [0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 2.5, 5, 10, 30, 60],
    emotion_prediction_queue_seconds: STAGE_BOUNDS,
    emotion_batch_decode_seconds: STAGE_BOUNDS,
    emotion_batch_inference_seconds: STAGE_BOUNDS,
    emotion_face_detection_seconds: STAGE_BOUNDS,
    emotion_picture_faces: [0, 1, 2, 3, 4, 5, 6, 8, 10, 20, 50],
    emotion_batch_size: [1, 2, 3, 4, 5, 6, 7, 8, 16, 32],
};
const SPECIAL = ['"', '\\', '\n'];

function dictionary() {
    return ngx.shared.metrics;
}

/** @typedef {Object<string, string | number>} Labels */

/**
 * A name with its labels, as the exposition writes it: emotion_predictions_total{model="…",emotion="…"}.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 * @param {string} name
 * @param {Labels} labels
 */
function series(name, labels) {
    let pairs = '';
    for (const label in labels) {
        pairs += `${pairs === '' ? '' : ','}${label}="${escaped(String(labels[label]))}"`;
    }
    return pairs === '' ? name : `${name}{${pairs}}`;
}

// Replacing is slow in njs, as is a regular expression, and hardly any value needs them.
function escaped(value) {
    if (!SPECIAL.some((character) => value.includes(character))) {
        return value;
    }
    return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

/**
 * @param {string} name
 * @param {Labels} labels
 * @param {number} amount
 */
function add(name, labels, amount) {
    increase(series(name, labels), amount);
}

/**
 * A counter's value by now.
 * @param {string} name
 * @param {Labels} labels
 */
function current(name, labels) {
    return Number(dictionary().get(series(name, labels)) || 0);
}

/**
 * Returns the key of the bucket.
 * @param {string} name
 * @param {Labels} labels
 * @param {number} value
 */
function observe(name, labels, value) {
    const key = series(name, labels);
    const found = BOUNDS[name].findIndex((bound) => value <= bound);
    const bucket = `${key} ${found === -1 ? BOUNDS[name].length : found}`;
    increase(bucket, 1);
    increase(`${key} sum`, value);
    return bucket;
}

// A dictionary without room for another key must fail no request.
function increase(key, amount) {
    try {
        dictionary().incr(key, amount, 0);
    } catch (error) {
        ngx.log(ngx.WARN, `${key} is not counted: ${error.message}`);
    }
}

/**
 * Everything counted so far.
 * @returns {[string, number][]}
 */
function all() {
    return /** @type {any} */ (dictionary().items());
}

export default {BOUNDS, add, all, current, observe, series};
