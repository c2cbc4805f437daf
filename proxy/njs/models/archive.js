// What the archive that TorchServe serves says of itself: its model.json, in the folder that TorchServe names.
import fs from 'fs';

/** @typedef {import('models/lifecycle.js').Description} Description */

/**
 * What there is to tell clients of an archive.
 * @typedef {Object} Facts
 * @property {string} [precision]  f32, bf16 or int8
 * @property {string} [proof]  of one of fewer bits: proven or unproven
 * @property {number} [temperature]  what the logits are divided by, where it is set
 * @property {string} [preprocessing]  fast, where it is not that of training
 * @property {number} [agreement]  the percentage of pictures on which it answers like float32
 */

/**
 * The facts of the version that answers; null when it is not registered, or was not registered as a folder.
 * @param {Description | null} description  TorchServe's
 * @returns {Facts | null}
 */
function facts(description) {
    if (description === null || typeof description.modelUrl !== 'string') {
        return null;
    }
    try {
        return told(JSON.parse(fs.readFileSync(`${description.modelUrl}/model.json`, 'utf8')));
    } catch (error) {
        return null;
    }
}

function told(model) {
    if (!['f32', 'bf16', 'int8'].includes(model.precision)) {
        return null;
    }
    return Object.assign(
        {precision: model.precision},
        model.temperature > 0 ? {temperature: model.temperature} : {},
        model.preprocessing === 'fast' ? {preprocessing: 'fast'} : {},
        model.precision === 'f32' ? {} : proven(model.proof)
    );
}

function proven(proof) {
    return proof ? {proof: 'proven', agreement: percent(proof.agreement.value)} : {proof: 'unproven'};
}

function percent(share) {
    return Math.round(share * 10000) / 100;
}

export default {facts};
