// GET /api/v1/health, and /api/v1/health/live for load balancers and Kubernetes.
// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
import answers from 'http/answers.js';
import catalogue from 'models/catalogue.js';
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

export default {live, show};
