// When a request is over: its line for the log, and its part in the metrics. nginx asks for the line exactly once a
// request, whoever answered it.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_set
import counters from 'counters.js';
import routes from 'routes.js';

function line(r) {
    const request = describe(r);
    count(request);
    delete request.route;
    delete request.report;
    return JSON.stringify(request);
}

function describe(r) {
    const variables = r.variables;
    const report = readReport(variables.prediction_report);
    return {
        time: new Date().toISOString(),
        request_id: variables.request_identifier,
        client: variables.remote_addr,
        method: variables.request_method || '',
        path: variables.request_path || '',
        model: variables.model || '',
        status: Number(variables.status),
        received_bytes: Number(variables.request_length),
        sent_bytes: Number(variables.bytes_sent),
        seconds: Number(variables.request_time),
        torchserve_seconds: variables.torchserve_ms ? Number(variables.torchserve_ms) / 1000 : undefined,
        queue_seconds: report.queue,
        decode_seconds: report.decode,
        inference_seconds: report.inference,
        batch: report.batch,
        image_error: report.error,
        retries: Number(variables.repeats || 0),
        rejection: variables.rejection || undefined,
        route: routes.allowed(variables.request_path || '') !== '' ? variables.request_path : 'other',
        report,
    };
}

// What the worker wrote of the answer (handlers/worker_metrics.py).
function readReport(text) {
    try {
        return JSON.parse(text || '{}');
    } catch (error) {
        return {};
    }
}

function count(request) {
    const name = request.model;
    // A name that is not in the catalogue is nobody's; bodies that were refused unread have none either.
    const model = name || (request.route === '/api/v1/predict' ? 'unknown' : '');
    counters.add('emotion_http_requests_total', {route: request.route, model, status: request.status}, 1);
    counters.observe('emotion_http_request_duration_seconds', {route: request.route, model}, request.seconds);
    const reason = request.rejection || refusal(request);
    if (reason !== undefined) {
        counters.add('emotion_rejections_total', {reason}, 1);
    }
    if (name !== '') {
        countPrediction(name, request);
        // Last, so that what is not in flight is counted.
        counters.add('emotion_predictions_in_flight', {model: name}, -1);
    }
}

// The limit that nginx or the worker refused a request for.
function refusal(request) {
    const tooLarge = request.report.error === 'too_large' ? 'pixels' : 'body_size';
    return {413: tooLarge, 429: 'rate_limit'}[request.status];
}

function countPrediction(model, request) {
    if (request.retries > 0) {
        counters.add('emotion_prediction_retries_total', {model}, request.retries);
    }
    const report = request.report;
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
        if (report.inference !== undefined) {
            counters.observe('emotion_batch_inference_seconds', {model}, report.inference);
        }
    }
}

function countOutcome(model, report) {
    if (report.error !== undefined) {
        counters.add('emotion_image_errors_total', {model, kind: report.error}, 1);
    } else {
        counters.add('emotion_predictions_total', {model, emotion: report.emotion}, 1);
    }
}

export default {line};
