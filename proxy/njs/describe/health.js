// GET /api/v1/health, and /api/v1/health/live and /api/v1/health/ready for load balancers and Kubernetes.
// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
import answers from 'http/answers.js';
import catalogue from 'models/catalogue.js';
import errors from 'http/errors.js';
import lifecycle from 'models/lifecycle.js';
import readiness from 'models/readiness.js';
import state from 'models/state.js';

// Seconds after which an unhealthy service is worth asking again.
const RETRY_AFTER = 2;

/** @param {NginxHTTPRequest} r */
function show(r) {
    const available = catalogue.names();
    const loaded = readiness.loaded();
    const status = loaded.length === 0 ? 'unhealthy' : loaded.length === available.length ? 'healthy' : 'degraded';
    if (status === 'unhealthy') {
        r.headersOut['Retry-After'] = String(RETRY_AFTER);
    }
    answers.json(r, status === 'unhealthy' ? 503 : 200, {
        status,
        device: available.some((name) => state.model(name).gpu) ? 'cuda' : 'cpu',
        loaded_models: loaded.length,
        available_models: available.length,
    });
}

/**
 * The proxy's processes live: one of them answers.
 * @param {NginxHTTPRequest} r
 */
function live(r) {
    answers.json(r, 200, {status: 'live'});
}

/**
 * Every model that should serve is READY.
 * @param {NginxHTTPRequest} r
 */
function ready(r) {
    const message = unready();
    if (message !== null) {
        return errors.send(r, errors.failure(503, `Not ready: ${message}`, {retryAfter: RETRY_AFTER}));
    }
    answers.json(r, 200, {status: 'ready'});
}

function unready() {
    if (!state.isAnswering()) {
        return 'TorchServe does not answer; wait, or see its log.';
    }
    const names = catalogue.names();
    const missing = names.filter((name) => readiness.isExpected(name) && !lifecycle.isReady(state.model(name)));
    if (missing.length > 0) {
        const states = missing.map((name) => `${name} is ${state.model(name).state}`).join(', ');
        return `${states}; wait, or see the workers' log.`;
    }
    if (names.every((name) => state.model(name).error !== '')) {
        return 'no model may be served; GET /api/v1/models says why.';
    }
    return null;
}

export default {live, ready, show};
