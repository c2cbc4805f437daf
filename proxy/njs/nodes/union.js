// What the nodes say of their models, as one catalogue: models/state.js has it, as if it were that of one TorchServe.
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
    names.forEach((name) => {
        const described = thatHave(nodes.filter((node) => node.said.models[name] !== undefined), name);
        known.setPlaces(name, {
            ready: described.filter((node) => isReady(node, name)).map(indexOf),
            able: described.filter((node) => !isReady(node, name) && node.said.models[name].error === undefined).map(indexOf),
            listed: described.map(indexOf),
        });
        catalogue[name] = recordModel(name, described);
    });
    state.write('catalogue', catalogue);
    state.write('names', names);
}

// Nodes of other pools may know of the model and have no archive of it: while its own are away, it is not broken.
function thatHave(nodes, name) {
    const having = nodes.filter((node) => {
        const told = node.said.models[name];
        return isReady(node, name) || told.error === undefined || told.retry_after !== undefined;
    });
    return having.length > 0 ? having : nodes;
}

function indexOf(node) {
    return node.index;
}

function isReady(node, name) {
    return node.said.loaded.includes(name);
}

// By the node that says most for it.
function recordModel(name, nodes) {
    const up = nodes.filter((node) => node.isUp);
    const ready = up.find((node) => isReady(node, name));
    const best = ready || up.find((node) => node.said.models[name].error === undefined) || up[0] || nodes[0];
    const told = best.said.models[name];
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
