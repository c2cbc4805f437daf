// Registering for other machines: what is registered already is not registered again. Whether it is the same archive can
// be known of those that the build made, by its index.
import archive from 'models/archive.js';
import fs from 'fs';
import locations from 'management/locations.js';
import served from 'management/served.js';
import state from 'models/state.js';
import torchserve from 'models/torchserve.js';

/** @typedef {import('models/torchserve.js').Reply} Reply */

/**
 * Resolves to TorchServe's reply, or to one that says what is registered already; throws when there is none.
 * @param {string} path  what to ask TorchServe for
 * @param {string} file  the archive's name in the model store; its checksum is right
 * @returns {Promise<Reply>}
 */
async function register(path, file) {
    const entry = ofBuild(file);
    const before = await same(entry);
    if (before !== null) {
        const status = `Model "${entry.model}" Version: ${entry.version} is registered already, from this archive, `
                       + `with ${before.workers.length} worker(s); nothing was changed`;
        return {status: 200, text: `${JSON.stringify({status}, null, 2)}\n`};
    }
    const reply = await torchserve.call('POST', path);
    if (entry !== null && reply.status < 300) {
        state.dictionary().set(keyOf(entry), entry.sha256);
        served.note(entry);
    }
    return reply;
}

/**
 * Whether that very archive is registered, as far as it can be known.
 * @param {string} file
 */
async function isRegistered(file) {
    return await same(ofBuild(file)) !== null;
}

// TorchServe's description of the version if it is registered and has the same content, else null.
async function same(entry) {
    const before = entry === null ? null : await registered(entry);
    return before !== null && isSame(entry, before) ? before : null;
}

// Under this key is which content TorchServe unpacked itself.
function keyOf(entry) {
    return `unpacked:${entry.model}:${entry.version}`;
}

// What the build says of an archive that is still as it made it, null if it is not.
function ofBuild(file) {
    try {
        const index = JSON.parse(fs.readFileSync(settings.index, 'utf8'));
        const name = Object.keys(index).find((candidate) => index[candidate].archive === file);
        const checksum = fs.readFileSync(`${settings.model_store}/${file}.sha256`, 'utf8').split(/\s/)[0];
        return name !== undefined && index[name].sha256 === checksum
            ? {file, model: file.replace(/\.mar$/, ''), version: index[name].version, sha256: checksum, stand_in: index[name].stand_in}
            : null;
    } catch (error) {
        return null;
    }
}

// TorchServe's description of the version, null if it is not registered.
async function registered(entry) {
    const reply = await torchserve.call('GET', `/models/${entry.model}/${entry.version}`);
    return reply.status === 200 ? JSON.parse(reply.text)[0] : null;
}

function isSame(entry, described) {
    if (locations.fileName(described.modelUrl) !== entry.file) {
        return false;
    }
    if (described.modelUrl === entry.file) {
        return String(state.dictionary().get(keyOf(entry))) === entry.sha256;
    }
    return archive.facts(described).digest === entry.sha256;
}

export default {isRegistered, register};
