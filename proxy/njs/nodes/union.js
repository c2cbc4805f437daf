// What the nodes say of their models, as one catalogue: models/state.js has it, as if it were that of one TorchServe.
import availability from 'models/availability.js';
import clock from 'counting/clock.js';
import known from 'nodes/known.js';
import state from 'models/state.js';

/** @typedef {{models: Object<string, any>, loaded: string[], gpu: boolean}} Said  by a node, of its models by name */

/**
 * @param {number} index
 * @param {Said} said
 */
function note(index, said) {
    known.dictionary().set(`said ${index}`, JSON.stringify(said));
}

/** @returns {{index: number, isUp: boolean, said: Said}[]} */
function noted() {
    const found = known.all().map((index) => ({index, isUp: known.isUp(index), text: known.dictionary().get(`said ${index}`)}));
    return found.filter((node) => node.text !== undefined)
        .map((node) => ({index: node.index, isUp: node.isUp, said: JSON.parse(String(node.text))}));
}

// Those that do not answer are told of as they were, so that their models are still known; READY they are on nodes that do.
function record() {
    const nodes = noted();
    state.setAnswered(nodes.some((node) => node.isUp));
    if (nodes.length === 0) {
        return;
    }
    const names = [];
    nodes.forEach((node) => Object.keys(node.said.models).filter((name) => !names.includes(name)).forEach((name) => names.push(name)));
    const catalogue = {};
    const areAllHeard = nodes.length === known.all().length;
    names.forEach((name) => {
        const described = nodes.filter((node) => node.said.models[name] !== undefined);
        const having = described.filter((node) => has(node, name));
        // A node that was never heard may be the one that has it.
        const telling = having.length > 0 || !areAllHeard ? having : described;
        known.setPlaces(name, {
            ready: having.filter((node) => isReady(node, name)).map(indexOf),
            able: having.filter((node) => !isReady(node, name) && node.said.models[name].error === undefined).map(indexOf),
            listed: telling.map(indexOf),
        });
        catalogue[name] = recordModel(name, telling, telling.length > 0 ? telling : described);
    });
    state.write('catalogue', catalogue);
    state.write('names', names);
}

// Or may have it soon. Nodes of other pools may know of a model and have no archive of it: while its own are away, it is not broken.
function has(node, name) {
    const told = node.said.models[name];
    return isReady(node, name) || told.error === undefined || told.retry_after !== undefined;
}

function away(name) {
    const failure = availability.away(`Model ${name}`);
    return {error: failure.message, retry_after: failure.retryAfter};
}

function indexOf(node) {
    return node.index;
}

function isReady(node, name) {
    return node.said.loaded.includes(name);
}

// By the node that says most for it. Where none of those that tell of it answers, it is away.
function recordModel(name, telling, described) {
    const up = telling.filter((node) => node.isUp);
    const ready = up.find((node) => isReady(node, name));
    const best = ready || up.find((node) => node.said.models[name].error === undefined) || up[0] || described[0];
    const told = Object.assign({}, best.said.models[name], up.length === 0 ? away(name) : {});
    const facts = Object.assign({}, told);
    delete facts.error;
    delete facts.retry_after;
    state.setModel(name, {
        archive: name.replace(/\+/g, 'plus'),
        built: true,
        error: ready === undefined ? told.error || '' : '',
        retry_after: told.retry_after,
        stand_in: told.stand_in === true,
        described: {},
        facts,
        gpu: best.said.gpu,
        state: ready === undefined ? 'idle' : 'ready',
        since: clock.now(),
        pids: [],
        served: ready !== undefined,
    });
    return facts;
}

export default {note, record};
