// models.json and the build's index.json: read into the shared dictionary.
import clock from 'counting/clock.js';
import ensembles from 'models/ensembles.js';
import fs from 'fs';
import state from 'models/state.js';

const FAULT = 'catalogue_fault';

/**
 * Read both files. Returns the names of the catalogue; without one that can be used the last one stays.
 * @returns {string[]}
 */
function load() {
    try {
        return note(checked(readJson(settings.catalogue)), readJson(settings.index) || {});
    } catch (error) {
        tell(`${settings.catalogue} or ${settings.index} cannot be used; the models stay as they were: ${error.message}`);
        return Object.keys(entries());
    }
}

// What has the shape of a catalogue: of an entry without it, what was known before.
function checked(catalogue) {
    const before = entries();
    if (catalogue === null) {
        return before; // missing, or being written
    }
    const wrong = isObject(catalogue) ? Object.keys(catalogue).filter((name) => !isEntry(catalogue[name])) : ['all'];
    tell(wrong.length === 0 ? '' : `${settings.catalogue}: what it says of ${wrong.join(', ')} is no model's entry, and is passed over.`);
    if (!isObject(catalogue)) {
        return before;
    }
    wrong.forEach((name) => {
        delete catalogue[name];
        if (before[name] !== undefined) {
            catalogue[name] = before[name];
        }
    });
    return catalogue;
}

function isObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Ensembles may leave their labels out.
function isEntry(entry) {
    return isObject(entry) && (Array.isArray(entry.emotions) || entry.emotions === undefined && entry.ensemble !== undefined);
}

// In the log, once: the files are read each second.
function tell(fault) {
    if (fault !== (state.dictionary().get(FAULT) || '')) {
        state.dictionary().set(FAULT, fault);
        if (fault !== '') {
            ngx.log(ngx.ERR, fault);
        }
    }
}

function note(catalogue, index) {
    const found = Object.keys(catalogue);
    const isNetwork = (name) => catalogue[name].ensemble === undefined;
    found.filter(isNetwork).forEach((name) => record(name, index[name] || {}));
    found.filter((name) => !isNetwork(name)).forEach((name) => {
        catalogue[name] = ensembles.completed(catalogue[name], catalogue);
        ensembles.record(name, catalogue[name], catalogue);
    });
    state.write('catalogue', catalogue);
    state.write('names', found);
    return found;
}

// The catalogue's names; read from the file in the second before the first poll.
function names() {
    return state.names() || load();
}

/**
 * The names of those that have an archive and a worker: all but ensembles.
 */
function networks() {
    return names().filter((name) => !ensembles.isEnsemble(name));
}

/**
 * What models.json says, by name; of ensembles also what it may leave out.
 * @returns {Object<string, {architecture: string, dataset: string, emotions: string[], accuracy?: number}>}
 */
function entries() {
    return state.read('catalogue') || {};
}

// What the build says of a model, beside what TorchServe said of it.
function record(name, entry) {
    const before = state.model(name)
        || {state: 'starting', since: clock.now(), pids: [], served: false, gpu: false, facts: null};
    // What is registered decides for itself: a build that failed since takes no model away that answers. But stand-ins give
    // way as soon as the build says so.
    const running = before.facts || null;
    state.setModel(name, Object.assign({}, before, {
        members: undefined, // if it was an ensemble before
        archive: (entry.archive || name.replace(/\+/g, 'plus')).replace(/\.mar$/, ''),
        built: Boolean(entry.archive),
        error: running !== null && running.stand_in === false ? '' : entry.error || '',
        stand_in: running === null || running.stand_in === undefined ? entry.stand_in === true : running.stand_in,
        described: described(entry),
    }));
}

// What the build says of an archive that does not run, or that TorchServe unpacked itself.
function described(entry) {
    const facts = {};
    ['precision', 'temperature', 'preprocessing', 'proof', 'agreement'].forEach((key) => {
        if (entry.archive && entry[key] !== undefined) {
            facts[key] = entry[key];
        }
    });
    return facts;
}

// A file that is missing or cannot be parsed counts as empty until it is read again. Some editors put a byte order mark
// before the text.
function readJson(path) {
    try {
        return JSON.parse(fs.readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
    } catch (error) {
        return null;
    }
}

export default {entries, load, names, networks};
