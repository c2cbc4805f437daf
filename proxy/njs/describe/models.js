// GET /api/v1/models: the catalogue, why a model cannot be asked, and which are loaded.
import answers from 'http/answers.js';
import availability from 'models/availability.js';
import catalogue from 'models/catalogue.js';
import readiness from 'models/readiness.js';
import state from 'models/state.js';

/** @param {NginxHTTPRequest} r */
function show(r) {
    const names = catalogue.names();
    const entries = catalogue.entries();
    const models = {};
    names.forEach((name) => {
        models[name] = Object.assign({}, entries[name], additions(name));
    });
    answers.json(r, 200, {models, loaded_models: readiness.loaded()});
}

function additions(name) {
    const model = state.model(name);
    const failure = availability.failure(name, model);
    return Object.assign(
        model.stand_in ? {stand_in: true} : {},
        failure !== null ? {error: failure.message} : {}
    );
}

export default {show};
