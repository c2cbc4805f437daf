// GET /api/v1/models: the models of the catalogue as the archives that run describe themselves, what was measured, why a
// model cannot be asked, and which are loaded.
import answers from 'http/answers.js';
import availability from 'models/availability.js';
import catalogue from 'models/catalogue.js';
import readiness from 'models/readiness.js';
import state from 'models/state.js';

// What an entry says of these is for the next build; the margin is the worker's business.
const UNBUILT = {precision: undefined, temperature: undefined, preprocessing: undefined, face_margin: undefined};

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
        facts(model, entry),
        {stand_in: model.stand_in ? true : undefined},
        model.measured ? {measured: model.measured} : {},
        failure !== null ? {error: failure.message, retry_after: failure.retryAfter} : {}
    );
    if (model.stand_in) {
        delete shown.accuracy; // that of the real checkpoint
        delete shown.measured; // it would look like a model in use
    }
    return shown;
}

// The entry says what shall be built; told is what runs, where something does.
function facts(model, entry) {
    const running = model.facts || {};
    return running.emotions ? running : Object.assign({}, entry, UNBUILT, model.described, running);
}

export default {show};
