// What a request adds to the counters when it is over.
import counters from 'counting/counters.js';
import exemplars from 'counting/exemplars.js';
import faces from 'counting/faces.js';
import gauges from 'counting/gauges.js';
import pace from 'counting/pace.js';

/**
 * @typedef {{model: string, key?: string, client?: string, status: number, seconds: number, retries: number, rejection?: string}} Request
 */
/** @typedef {import('http/record.js').Report} Report */

const OF_A_MODEL = ['/api/v1/faces', '/api/v1/predict', '/v2/models/{name}/infer', '/v2/models/{name}/versions/{version}/infer'];

/**
 * @param {Request} request
 * @param {Report} report
 * @param {string} route
 * @param {string} [trace]  the id of its trace, if somebody keeps that
 */
function count(request, report, route, trace) {
    const name = request.model;
    // Names that are not in the catalogue are counted together; so are bodies that were refused before they were read.
    const model = name || (OF_A_MODEL.includes(route) ? 'unknown' : '');
    const outcome = {route, model, version: report.version || '', status_class: statusClass(request.status)};
    counters.add('emotion_http_requests_total', {route, model, status: request.status}, 1);
    const bucket = counters.observe('emotion_http_request_duration_seconds', outcome, request.seconds);
    if (trace) {
        exemplars.note(bucket, trace, request.seconds);
    }
    if (request.key !== undefined) {
        counters.add('emotion_key_requests_total', {key: request.key, route, status: request.status}, 1);
    }
    const reason = request.rejection || exceededLimit(request.status, report);
    if (reason !== undefined) {
        counters.add('emotion_rejections_total', {model, reason}, 1);
    }
    if (name !== '') {
        countPrediction(name, request.retries, report);
        if (report.emotions !== undefined) {
            faces.note(request.key || request.client || '', sum(report.emotions));
        }
        // Last, so that what is not in flight is counted.
        gauges.add(gauges.IN_FLIGHT, name, -1);
    }
}

function sum(counts) {
    return Object.keys(counts).reduce((all, name) => all + counts[name], 0);
}

// A refusal takes no time: among the answers it would hide how long those take. A client that left (499) may have waited long.
function statusClass(status) {
    return status === 499 ? '499' : `${Math.floor(status / 100)}xx`;
}

// The limit for which nginx or the worker did not take a request.
function exceededLimit(status, report) {
    const tooLarge = report.error === 'too_large' ? 'pixels' : 'body_size';
    return {413: tooLarge, 429: 'rate_limit'}[status];
}

/**
 * @param {string} model
 * @param {number} retries
 * @param {Report} report
 */
function countPrediction(model, retries, report) {
    if (retries > 0) {
        counters.add('emotion_prediction_retries_total', {model}, retries);
    }
    if (report.batch === undefined) {
        return;
    }
    if (report.queue !== undefined) {
        counters.observe('emotion_prediction_queue_seconds', {model}, report.queue);
    }
    countOutcome(model, report);
    // What is the same for the whole batch is counted with its first image.
    if (report.item === 0) {
        counters.observe('emotion_batch_decode_seconds', {model}, report.decode);
        counters.observe('emotion_batch_size', {model}, report.batch);
        // Predictions wait for the version that serves, not for a canary.
        if (report.trial !== 'canary') {
            pace.note(model, report);
        }
        if (report.inference !== undefined) {
            const computed = {model, version: report.version || ''};
            counters.observe('emotion_batch_inference_seconds', computed, report.inference);
        }
    }
}

function countOutcome(model, report) {
    if (report.error !== undefined) {
        counters.add('emotion_image_errors_total', {model, kind: report.error}, 1);
    } else if (report.faces !== undefined) {
        countFaces(model, report);
    } else {
        counters.add('emotion_predictions_total', {model, emotion: report.emotion}, 1);
    }
}

function countFaces(model, report) {
    counters.observe('emotion_picture_faces', {model}, report.faces);
    counters.observe('emotion_face_detection_seconds', {model}, report.detect);
    Object.keys(report.emotions).forEach((emotion) => {
        counters.add('emotion_predictions_total', {model, emotion}, report.emotions[emotion]);
    });
}

export default {count, countPrediction};
