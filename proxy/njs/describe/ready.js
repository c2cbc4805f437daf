// GET /api/v1/health/ready for load balancers and Kubernetes, and GET /api/v1/models/{name}/ready for one model.
// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
import answers from 'http/answers.js';
import availability from 'models/availability.js';
import catalogue from 'models/catalogue.js';
import errors from 'http/errors.js';
import lifecycle from 'models/lifecycle.js';
import readiness from 'models/readiness.js';
import routes from 'http/routes.js';
import state from 'models/state.js';

// Seconds after which it is worth asking again.
const RETRY_AFTER = 2;

/**
 * Whether the service may be sent requests, as READY_WHEN has it.
 * @param {NginxHTTPRequest} r
 */
function ofService(r) {
    answer(r, serviceProblem());
}

/**
 * Whether a model answers.
 * @param {NginxHTTPRequest} r
 */
function ofModel(r) {
    const name = routes.modelOf(r.uri).name;
    if (!catalogue.names().includes(name)) {
        const message = `There is no model ${errors.quote(name)}; GET /api/v1/models lists the models.`;
        return errors.send(r, errors.failure(404, message));
    }
    answer(r, modelProblem(name));
}

function answer(r, problem) {
    if (problem !== null) {
        return errors.send(r, errors.failure(503, `Not ready: ${problem}`, {retryAfter: RETRY_AFTER}));
    }
    answers.json(r, 200, {status: 'ready'});
}

/**
 * Why a model does not answer, null if it does.
 * @param {string} name
 * @returns {string | null}
 */
function modelProblem(name) {
    const failure = availability.failure(name, state.model(name));
    if (failure !== null) {
        return failure.message;
    }
    return readiness.isLoaded(name) ? standInProblem([name]) : unready([name]);
}

/**
 * Why no requests may be sent, null if they may.
 * @returns {string | null}
 */
function serviceProblem() {
    if (!state.isAnswering()) {
        return 'TorchServe does not answer; wait, or see its log.';
    }
    const names = catalogue.names();
    if (names.every((name) => state.model(name).error !== '')) {
        return 'no model may be served; GET /api/v1/models says why.';
    }
    return missingProblem(names) || standInProblem(names);
}

function missingProblem(names) {
    switch (settings.ready_when) {
    case 'none':
        return null;
    case 'any':
        return anyProblem();
    case 'all':
        return unready(names.filter((name) => readiness.isExpected(name) && !isReady(name))) || anyProblem();
    default:
        return unready(settings.ready_when.split(',').filter((name) => !readiness.isLoaded(name)));
    }
}

// Nobody is to be sent to them by mistake.
function standInProblem(names) {
    const found = settings.stand_ins_allowed ? [] : names.filter((name) => state.model(name).stand_in);
    return found.length === 0 ? null
        : `${found.join(', ')}: stand-ins, whose answers about photographs mean nothing; put real checkpoints into results/, `
          + 'or set STAND_INS=allowed.';
}

function isReady(name) {
    return lifecycle.isReady(state.model(name));
}

function anyProblem() {
    return readiness.loaded().length > 0 ? null
        : 'no model is loaded; a prediction loads one, and READY_WHEN=none does not wait for that.';
}

// Null for no models.
function unready(names) {
    if (names.length === 0) {
        return null;
    }
    const states = names.map((name) => `${name} is ${state.model(name).error ? 'not served' : state.model(name).state}`);
    return `${states.join(', ')}; wait, or see the workers' log.`;
}

export default {RETRY_AFTER, modelProblem, ofModel, ofService, serviceProblem};
