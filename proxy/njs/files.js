// models.json and the build's index.json, into the shared dictionary.
import fs from 'fs';
import state from 'state.js';

// Read both files. Returns the names of the catalogue; without a readable catalogue the last one stays.
function load() {
    const catalogue = readJson(settings.catalogue) || state.read('catalogue') || {};
    const index = readJson(settings.index) || {};
    const names = Object.keys(catalogue);
    names.forEach((name) => note(name, index[name] || {}));
    state.write('catalogue', catalogue);
    state.write('names', names);
    return names;
}

// What the build says of a model, beside what TorchServe said of it.
function note(name, entry) {
    const before = state.model(name) || {state: 'starting', since: Date.now(), pids: [], served: false, gpu: false};
    state.setModel(name, Object.assign({}, before, {
        archive: (entry.archive || name.replace(/\+/g, 'plus')).replace(/\.mar$/, ''),
        built: Boolean(entry.archive),
        refusal: entry.error || '',
        stand_in: entry.stand_in === true,
    }));
}

// A file that is missing, or damaged by hand, is as good as none until the next look.
function readJson(path) {
    try {
        return JSON.parse(fs.readFileSync(path));
    } catch (error) {
        return null;
    }
}

export default {load};
