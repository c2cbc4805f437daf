// Registering for other machines: what is registered already is not registered again. Whether it is the same archive can
// be known of those that the build made, by its index. The supervisor has the rest done (wishes.js); where it has ended,
// TorchServe unpacks the archive itself.
import archive from 'models/archive.js';
import checksum from 'management/checksum.js';
import fs from 'fs';
import locations from 'management/locations.js';
import served from 'management/served.js';
import state from 'models/state.js';
import supervision from 'models/supervision.js';
import torchserve from 'models/torchserve.js';
import wishes from 'management/wishes.js';

/** @typedef {import('models/torchserve.js').Reply} Reply */
/** @typedef {import('http/errors.js').Failure} Failure */

const UNSUPERVISED = 'With VERIFY_KEYS the supervisor registers archives, and none runs here; use `scripts/models register` on the server.';

/**
 * Why an archive cannot be registered, as far as that can be said at once.
 * @param {string} file  its name in the model store
 * @returns {Promise<Failure | null>}
 */
function failure(file) {
    return supervision.current() === null ? checksum.failure(file) : checksum.told(file);
}

/**
 * Resolves to what came of it, that it is under way, or what is registered already; throws when TorchServe does not reply.
 * @param {import('management/requests.js').Checked} checked
 * @param {string} key  the name of who asks
 * @returns {Promise<import('management/wishes.js').Answer>}
 */
async function register(checked, key) {
    const file = String(checked.archive);
    const entry = ofBuild(file);
    const before = await same(entry);
    if (before !== null) {
        const status = `Model "${entry.model}" Version: ${entry.version} is registered already, from this archive, `
                       + `with ${before.workers.length} worker(s); nothing was changed`;
        return {status: 200, text: `${JSON.stringify({status}, null, 2)}\n`};
    }
    if (supervision.current() !== null) {
        const workers = checked.workers ? checked.workers.count : 1;
        return wishes.ask({archive: file, workers, key}, checked.waits === true);
    }
    if (settings.verify_keys.length > 0) {
        return wishes.failed(503, UNSUPERVISED); // what TorchServe unpacks itself may be other than what was verified
    }
    // Without a supervisor nobody waits for workers: see requests.js.
    const reply = await torchserve.call('POST', String(checked.path).replace('synchronous=true', 'synchronous=false'));
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
        const digest = fs.readFileSync(`${settings.model_store}/${file}.sha256`, 'utf8').split(/\s/)[0];
        return name !== undefined && index[name].sha256 === digest
            ? {file, model: file.replace(/\.mar$/, ''), version: index[name].version, sha256: digest, stand_in: index[name].stand_in}
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

export default {failure, isRegistered, register};
