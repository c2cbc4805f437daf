// GET /api/v1/health/live and /api/v1/health/ready, for load balancers and Kubernetes.
// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
import catalogue from 'catalogue.js';
import errors from 'errors.js';
import loading from 'loading.js';
import state from 'state.js';

// The proxy's processes live: one of them answers.
function live(r) {
    catalogue.answer(r, 200, {status: 'live'});
}

// Every model that should serve is READY.
function ready(r) {
    if (!isTorchServeUp()) {
        return errors.send(r, 503, 'Not ready: TorchServe does not answer; wait, or see its log.', {'Retry-After': '2'});
    }
    const names = catalogue.names();
    const missing = names.filter((name) => isExpected(name) && state.model(name).state !== 'ready');
    if (missing.length > 0) {
        const states = missing.map((name) => `${name} is ${state.model(name).state}`).join(', ');
        return errors.send(r, 503, `Not ready: ${states}; wait, or see the workers' log.`, {'Retry-After': '2'});
    }
    if (names.every((name) => state.model(name).refusal !== '')) {
        return errors.send(r, 503, 'Not ready: no model may be served; GET /api/v1/models says why.', {'Retry-After': '2'});
    }
    catalogue.answer(r, 200, {status: 'ready'});
}

function isTorchServeUp() {
    return state.isUp() && state.isFresh();
}

// Whether a model should be READY: the build lets it be served, and it has or gets a worker without being asked for.
function isExpected(name) {
    const model = state.model(name);
    return model.refusal === '' && !['absent', 'idle'].includes(model.state) && !loading.isUnderWay(name);
}

export default {isExpected, isTorchServeUp, live, ready};
