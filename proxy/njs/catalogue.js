// The routes that describe the service: GET /, /api/v1/models and /api/v1/health.
import availability from 'availability.js';
import files from 'files.js';
import state from 'state.js';

function answer(r, status, value) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(status, JSON.stringify(value));
}

function root(r) {
    answer(r, 200, {name: settings.name, version: settings.version});
}

// The catalogue's names; read from the file in the second before the first poll.
function names() {
    return state.names() || files.load();
}

function isLoaded(name) {
    const model = state.model(name);
    return model.state === 'ready' && model.refusal === '';
}

function loadedNames() {
    return state.isUp() && state.isFresh() ? names().filter(isLoaded) : [];
}

function models(r) {
    const all = names();
    const catalogue = state.read('catalogue');
    all.forEach((name) => {
        const model = state.model(name);
        const problem = availability.problem(name, model);
        if (model.stand_in) {
            catalogue[name].stand_in = true;
        }
        if (problem !== null) {
            catalogue[name].error = problem.sentence;
        }
    });
    answer(r, 200, {models: catalogue, loaded_models: loadedNames()});
}

function health(r) {
    const available = names();
    const loaded = loadedNames();
    const status = loaded.length === 0 ? 'unhealthy' : loaded.length === available.length ? 'healthy' : 'degraded';
    if (status === 'unhealthy') {
        r.headersOut['Retry-After'] = '2';
    }
    answer(r, status === 'unhealthy' ? 503 : 200, {
        status,
        device: available.some((name) => state.model(name).gpu) ? 'cuda' : 'cpu',
        loaded_models: loaded.length,
        available_models: available.length,
    });
}

export default {answer, health, isLoaded, models, names, root};
