// When a request is over: its line for the log, and its part in the metrics. nginx asks for the line exactly once a
// request, whichever part answered it.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_set
import admission from 'models/admission.js';
import bodies from 'http/bodies.js';
import caching from 'predict/caching.js';
import comparisons from 'access/comparisons.js';
import jobs from 'trials/jobs.js';
import limits from 'access/limits.js';
import networks from 'counting/networks.js';
import record from 'http/record.js';
import requests from 'counting/requests.js';

/** @param {NginxHTTPRequest} r */
function line(r) {
    bodies.release(r);
    limits.release(r);
    admission.release(r);
    comparisons.release(r);
    networks.release(r);
    caching.release(r);
    jobs.release(r);
    const report = record.readReport(r.variables.prediction_report);
    const fields = record.fields(r, report);
    requests.count(fields, report, record.route(fields.path), fields.trace_id && r.variables.sampled_trace_id);
    return JSON.stringify(fields);
}

export default {line};
