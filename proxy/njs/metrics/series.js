// The values of all series: what was counted, and what is looked up for each scrape.
import admission from 'models/admission.js';
import catalogue from 'models/catalogue.js';
import counters from 'counting/counters.js';
import gauges from 'counting/gauges.js';
import memory from 'metrics/memory.js';
import readiness from 'models/readiness.js';
import state from 'models/state.js';
import supervision from 'models/supervision.js';
import trials from 'trials/trials.js';
import workers from 'models/workers.js';

// Series that start at zero before anything is counted: a rate needs the zero before the first.
const REASONS = ['abandoned', 'client_share', 'expected_wait', 'killed_worker', 'not_ready', 'pixels', 'queue_full', 'torchserve_down'];
// Why a prediction is refused before its model is read.
const EARLY_REASONS = ['body_memory', 'body_size', 'concurrency', 'key_missing', 'key_unknown', 'rate_limit'];
// Nothing is looked for where nothing is kept.
const CACHE_RESULTS = settings.cache > 0 ? ['hit', 'collapsed', 'miss'] : [];
const IMAGE_ERRORS = ['damaged', 'empty', 'internal', 'no_detector', 'too_large', 'unsupported'];

/** @returns {Object<string, number>} */
function all() {
    return Object.assign(zeros(), counted(), gauges.all(), lookedUp());
}

// What was counted, value by line; the buckets of a histogram are still those of counters.js.
function counted() {
    /** @type {Object<string, number>} */
    const values = {};
    counters.all().forEach((item) => {
        values[item[0]] = item[1];
    });
    return values;
}

function zeros() {
    /** @type {Object<string, number>} */
    const values = {};
    const zero = (name, labels) => {
        values[counters.series(name, labels)] = 0;
    };
    ['unknown', ''].forEach((model) => EARLY_REASONS.forEach((reason) => zero('emotion_rejections_total', {model, reason})));
    const models = catalogue.entries();
    Object.keys(models).forEach((model) => {
        zero(gauges.IN_FLIGHT, {model});
        zero(gauges.HELD, {model});
        zero('emotion_prediction_retries_total', {model});
        CACHE_RESULTS.forEach((result) => zero('emotion_cache_requests_total', {model, result}));
        zero('emotion_worker_restarts_total', {model, version: versionOf(model)});
        REASONS.forEach((reason) => zero('emotion_rejections_total', {model, reason}));
        emotionsOf(model, models[model]).forEach((emotion) => zero('emotion_predictions_total', {model, emotion}));
        IMAGE_ERRORS.forEach((kind) => zero('emotion_image_errors_total', {model, kind}));
    });
    trials.known().forEach((known) => zero('emotion_worker_restarts_total', {model: known.name, version: known.trial.version}));
    return values;
}

// Those of the archive that answers; until one does, those that shall be.
function emotionsOf(model, entry) {
    const running = state.model(model).facts;
    return running && running.emotions ? running.emotions : entry.emotions;
}

// The version that is registered; '' before TorchServe has told of it.
function versionOf(model) {
    const running = state.model(model).facts;
    return running ? running.version : '';
}

// The gauges that are looked up for each scrape.
function lookedUp() {
    /** @type {Object<string, number>} */
    const values = {};
    const set = (name, labels, value) => {
        if (value !== null) {
            values[counters.series(name, labels)] = Number(value);
        }
    };
    const isUp = state.isAnswering();
    const names = catalogue.names();
    names.forEach((model) => {
        set('emotion_model_expected', {model}, readiness.isExpected(model));
        set('emotion_expected_wait_seconds', {model}, admission.expectedWait(model));
        set('emotion_model_ready', {model}, isUp && readiness.isLoaded(model));
        set('emotion_model_refused', {model}, state.model(model).error !== '');
        set('emotion_model_stand_in', {model}, state.model(model).stand_in && readiness.isLoaded(model));
        set('emotion_worker_resident_memory_bytes', {model}, workers.memory(model));
        const running = state.model(model).facts;
        if (running) {
            const known = {version: running.version, digest: running.digest || '', precision: running.precision || ''};
            set('emotion_model_info', Object.assign({model}, known), 1);
        }
    });
    trials.known().forEach((known) => {
        const labels = {model: known.name, kind: known.trial.kind, version: known.trial.version};
        set('emotion_trial_share', labels, known.end === null ? known.trial.percent / 100 : 0);
        set('emotion_trial_aborted', labels, known.end !== null && known.end.reason !== 'promoted');
    });
    set('emotion_models_available', {}, names.length);
    set('emotion_models_loaded', {}, isUp ? names.filter(readiness.isLoaded).length : 0);
    set('emotion_torchserve_up', {}, isUp);
    set('emotion_log_writable', {}, state.read('log_writable') !== false);
    const supervisor = supervision.current();
    set('emotion_supervisor_up', {}, supervisor !== null);
    const parts = supervisor === null ? {proxy: {restarts: 0}, torchserve: {restarts: 0}} : supervisor.parts;
    Object.keys(parts).forEach((part) => set('emotion_stack_restarts_total', {part}, parts[part].restarts));
    set('emotion_build_info', {version: settings.version}, 1);
    const found = memory.read();
    if (found !== null) {
        set('emotion_memory_limit_bytes', {}, found.limit);
        set('emotion_memory_available_bytes', {}, found.available);
    }
    return values;
}

export default {all};
