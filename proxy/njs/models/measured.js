// What an evaluation measured of the network that answers: X.evaluation.json in the model store, which scripts/evaluate keeps.
import fs from 'fs';

/** @typedef {import('models/lifecycle.js').Description} Description */

/**
 * For clients: percent, but for the number of pictures and the texts.
 * @typedef {{accuracy: number, macro_f1: number, mean_recall: number, pictures: number, data: string, made: string}} Measured
 */

/**
 * Null when nothing was kept, or when it was kept of another network than the one that TorchServe serves.
 * @param {string} archive
 * @param {Description | null} description  TorchServe's
 * @returns {Measured | null}
 */
function of(archive, description) {
    if (description === null || typeof description.modelUrl !== 'string') {
        return null;
    }
    const kept = readJson(`${settings.index.slice(0, settings.index.lastIndexOf('/'))}/${archive}.evaluation.json`);
    const served = kept === null ? null : readJson(`${description.modelUrl}/model.json`);
    return served !== null && sameNetwork(kept.network || {}, served) ? kept.measured || null : null;
}

function sameNetwork(one, other) {
    return typeof one.checkpoint_sha256 === 'string' && one.checkpoint_sha256 === other.checkpoint_sha256
        && one.precision === other.precision && one.temperature === other.temperature
        && one.preprocessing === other.preprocessing;
}

// A file that is missing or cannot be parsed counts as none.
function readJson(path) {
    try {
        return JSON.parse(fs.readFileSync(path, 'utf8'));
    } catch (error) {
        return null;
    }
}

export default {of};
