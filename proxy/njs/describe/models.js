// GET /api/v1/models: the catalogue, what the archives compute in, what was measured, why a model cannot be asked, and
// which are loaded.
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
        models[name] = described(name, entries[name]);
    });
    answers.json(r, 200, {models, loaded_models: readiness.loaded()});
}

function described(name, entry) {
    const model = state.model(name);
    const failure = availability.failure(name, model);
    const shown = Object.assign(
        {},
        entry,
        // The entry says what shall be built; told is what runs. The margin is the worker's business.
        {precision: undefined, face_margin: undefined},
        model.facts || model.described,
        model.stand_in ? {stand_in: true} : {},
        model.measured ? {measured: model.measured} : {},
        failure !== null ? {error: failure.message} : {}
    );
    if (model.stand_in) {
        delete shown.accuracy; // that of the real checkpoint
        delete shown.measured; // it would look like a model in use
    }
    return shown;
}

export default {show};
