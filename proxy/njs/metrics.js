// GET /metrics: what the proxy counted, what it sees of the models, and TorchServe's own metrics, for Prometheus.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
import catalogue from 'catalogue.js';
import counters from 'counters.js';
import memory from 'memory.js';
import readiness from 'readiness.js';
import state from 'state.js';
import workers from 'workers.js';

// docs/metrics.md explains them. The order is that of the answer.
const FAMILIES = {
    emotion_http_requests_total: ['counter', 'Requests by route, model and status.'],
    emotion_http_request_duration_seconds: ['histogram', 'Time from the first byte of a request to the last of its answer.'],
    emotion_predictions_in_flight: ['gauge', 'Predictions that are being answered.'],
    emotion_rejections_total: ['counter', 'Requests refused for a limit, or because nobody could answer.'],
    emotion_prediction_retries_total: ['counter', 'Predictions sent to TorchServe again.'],
    emotion_prediction_queue_seconds: ['histogram', 'Time between sending a prediction to TorchServe and its batch in the worker.'],
    emotion_batch_decode_seconds: ['histogram', 'Time to decode and shrink all images of a batch.'],
    emotion_batch_inference_seconds: ['histogram', 'Time to compute a batch.'],
    emotion_batch_size: ['histogram', 'Images in a batch.'],
    emotion_predictions_total: ['counter', 'Answered predictions by their most probable emotion.'],
    emotion_image_errors_total: ['counter', 'Images a worker could not use.'],
    emotion_worker_restarts_total: ['counter', 'Workers that TorchServe started again.'],
    emotion_models_available: ['gauge', 'Models in the catalogue.'],
    emotion_models_loaded: ['gauge', 'Models with a READY worker.'],
    emotion_model_expected: ['gauge', '1 if the model should have a READY worker.'],
    emotion_model_ready: ['gauge', '1 if the model has a READY worker.'],
    emotion_model_refused: ['gauge', '1 if the build does not let the model be served.'],
    emotion_worker_resident_memory_bytes: ['gauge', 'Resident memory of the workers of a model.'],
    emotion_memory_limit_bytes: ['gauge', 'Memory of the machine, or of the container if that is limited.'],
    emotion_memory_available_bytes: ['gauge', 'How much of it is left.'],
    emotion_torchserve_up: ['gauge', '1 if the management API of TorchServe answers.'],
    emotion_build_info: ['gauge', 'The version of the service.'],
};
// Those that cannot be guessed from what was counted: a rate needs the zero before the first.
const REASONS = ['body_size', 'not_ready', 'pixels', 'queue_full', 'rate_limit', 'torchserve_down'];
const IMAGE_ERRORS = ['damaged', 'empty', 'internal', 'too_large', 'unsupported'];

async function show(r) {
    const theirs = await torchserve();
    r.headersOut['Content-Type'] = 'text/plain; version=0.0.4; charset=utf-8';
    r.return(200, exposition(Object.assign(zeros(), counted(), seen())) + theirs);
}

// What was counted, value by line; the buckets of a histogram are still those of counters.js.
function counted() {
    const values = {};
    counters.all().forEach((item) => {
        values[item[0]] = item[1];
    });
    return values;
}

function zeros() {
    const values = {};
    const zero = (name, labels) => {
        values[counters.series(name, labels)] = 0;
    };
    REASONS.forEach((reason) => zero('emotion_rejections_total', {reason}));
    const models = state.read('catalogue') || {};
    Object.keys(models).forEach((model) => {
        zero('emotion_predictions_in_flight', {model});
        zero('emotion_prediction_retries_total', {model});
        zero('emotion_worker_restarts_total', {model});
        models[model].emotions.forEach((emotion) => zero('emotion_predictions_total', {model, emotion}));
        IMAGE_ERRORS.forEach((kind) => zero('emotion_image_errors_total', {model, kind}));
    });
    return values;
}

// The gauges that are looked up for each scrape.
function seen() {
    const values = {};
    const set = (name, labels, value) => {
        values[counters.series(name, labels)] = Number(value);
    };
    const isUp = readiness.isTorchServeUp();
    const names = catalogue.names();
    names.forEach((model) => {
        set('emotion_model_expected', {model}, readiness.isExpected(model));
        set('emotion_model_ready', {model}, isUp && catalogue.isLoaded(model));
        set('emotion_model_refused', {model}, state.model(model).refusal !== '');
        set('emotion_worker_resident_memory_bytes', {model}, workers.memory(model));
    });
    set('emotion_models_available', {}, names.length);
    set('emotion_models_loaded', {}, isUp ? names.filter(catalogue.isLoaded).length : 0);
    set('emotion_torchserve_up', {}, isUp);
    set('emotion_build_info', {version: settings.version}, 1);
    const found = memory.look();
    if (found !== null) {
        set('emotion_memory_limit_bytes', {}, found.limit);
        set('emotion_memory_available_bytes', {}, found.available);
    }
    return values;
}

function exposition(values) {
    const families = {};
    Object.keys(values).sort().forEach((key) => {
        const name = /^[a-z_]+/.exec(key)[0];
        families[name] = families[name] || [];
        families[name].push(key);
    });
    return Object.keys(FAMILIES).filter((name) => families[name] !== undefined).map((name) => {
        const head = `# HELP ${name} ${FAMILIES[name][1]}\n# TYPE ${name} ${FAMILIES[name][0]}\n`;
        const lines = FAMILIES[name][0] === 'histogram'
            ? histograms(name, families[name], values)
            : families[name].map((key) => `${key} ${values[key]}\n`);
        return head + lines.join('');
    }).join('');
}

function histograms(name, keys, values) {
    return keys.filter((key) => key.endsWith(' sum')).map((key) => {
        const labels = key.slice(name.length + 1, -'} sum'.length);
        let count = 0;
        const buckets = counters.BOUNDS[name].concat('+Inf').map((bound, index) => {
            count += values[`${name}{${labels}} ${index}`] || 0;
            return `${name}_bucket{${labels},le="${bound}"} ${count}\n`;
        });
        return `${buckets.join('')}${name}_sum{${labels}} ${values[key]}\n${name}_count{${labels}} ${count}\n`;
    });
}

// TorchServe's metrics under the contract's names of the models; nothing while it does not answer.
async function torchserve() {
    if (!readiness.isTorchServeUp()) {
        return '';
    }
    try {
        const reply = await ngx.fetch(settings.metrics_url);
        return reply.status === 200 ? renamed(await reply.text()) : '';
    } catch (error) {
        return '';
    }
}

// The text is cut at every quote, since to replace in it takes njs long.
function renamed(text) {
    const names = Object.create(null);
    catalogue.names().forEach((name) => {
        names[state.model(name).archive] = name;
    });
    return text.split('"').map((piece) => names[piece] || piece).join('"');
}

export default {show};
