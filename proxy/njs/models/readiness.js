// Which models answer, and which should.
import catalogue from 'models/catalogue.js';
import lifecycle from 'models/lifecycle.js';
import loading from 'models/loading.js';
import state from 'models/state.js';

/**
 * Whether a model answers, as long as TorchServe does.
 * @param {string} name
 */
function isLoaded(name) {
    const model = state.model(name);
    if (model.members === undefined || model.error !== '') {
        return lifecycle.isReady(model) && model.error === '';
    }
    return model.missing === 'answer' ? model.members.some(isLoaded) : model.members.every(isLoaded);
}

// The models that answer.
function loaded() {
    return state.isAnswering() ? catalogue.names().filter(isLoaded) : [];
}

/**
 * Whether a model should be READY: the build lets it be served, and it has or gets a worker without being asked for. Of an
 * ensemble, its members are.
 * @param {string} name
 */
function isExpected(name) {
    const model = state.model(name);
    return model.members === undefined && model.error === '' && lifecycle.isWanted(model) && !loading.isUnderWay(name);
}

export default {isExpected, isLoaded, loaded};
