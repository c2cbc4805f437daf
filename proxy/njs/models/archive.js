// What the archive that TorchServe serves says of itself: its model.json, in the folder that TorchServe names. It is what
// clients get answers from, whatever models.json and the model store say by now.
import fs from 'fs';

/** @typedef {import('models/lifecycle.js').Description} Description */

/**
 * What there is to tell clients of an archive.
 * @typedef {Object} Facts
 * @property {string} [architecture]
 * @property {string} [dataset]
 * @property {string[]} [emotions]
 * @property {number} [accuracy]  in percent, as models.json claimed it when the archive was built
 * @property {string} [precision]  f32, bf16 or int8
 * @property {string} [proof]  of one of fewer bits: proven or unproven
 * @property {number} [temperature]  what the logits are divided by, where it is set
 * @property {string} [preprocessing]  fast, where it is not that of training
 * @property {number} [agreement]  the percentage of pictures on which it answers like float32
 * @property {string} [version]
 * @property {string} [digest]  the SHA-256 of the archive, in hexadecimal
 * @property {boolean} [stand_in]
 */

const OF_THE_CATALOGUE = ['architecture', 'dataset', 'emotions', 'accuracy'];

/**
 * The facts of the version that answers; null when none is registered, its version alone when it was not registered as a
 * folder.
 * @param {Description | null} description  TorchServe's
 * @returns {Facts | null}
 */
function facts(description) {
    if (description === null) {
        return null;
    }
    const version = {version: description.modelVersion};
    try {
        const model = JSON.parse(fs.readFileSync(`${description.modelUrl}/model.json`, 'utf8'));
        return Object.assign(told(model), version, digest(description.modelUrl));
    } catch (error) {
        return version;
    }
}

function told(model) {
    const found = {};
    OF_THE_CATALOGUE.forEach((key) => {
        if (model[key] !== undefined && model[key] !== null) {
            found[key] = model[key];
        }
    });
    return Object.assign(found, bits(model), {stand_in: model.stand_in === true});
}

function bits(model) {
    if (!['f32', 'bf16', 'int8'].includes(model.precision)) {
        return {};
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

/**
 * The SHA-256 of the archive that a folder was unpacked from; scripts/store/unpacking.py writes it beside the folder.
 * @param {string} folder  as TorchServe names it
 * @returns {{digest?: string}}
 */
function digest(folder) {
    try {
        const text = fs.readFileSync(`${folder.slice(0, folder.lastIndexOf('/'))}/archive.sha256`, 'utf8');
        return {digest: text.split(/\s/)[0]};
    } catch (error) {
        return {};
    }
}

function percent(share) {
    return Math.round(share * 10000) / 100;
}

export default {digest, facts};
