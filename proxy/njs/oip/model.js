// The Open Inference Protocol: the model and version that a path names, their tensors, and whether they are ready.
import answers from 'http/answers.js';
import catalogue from 'models/catalogue.js';
import errors from 'http/errors.js';
import readiness from 'describe/ready.js';
import routes from 'http/routes.js';
import server from 'oip/server.js';
import state from 'models/state.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{failure?: Failure, name?: string, version?: string}} Named  the version only if the path has one */

const PLATFORM = 'torchserve';
const SIDE = 224;

/**
 * @param {NginxHTTPRequest} r
 * @returns {Named}
 */
function named(r) {
    const given = routes.modelOf(r.uri);
    if (!catalogue.names().includes(given.name)) {
        return {failure: errors.failure(404, `There is no model ${errors.quote(given.name)}; GET /api/v1/models lists the models.`)};
    }
    const failure = given.version === undefined ? null : otherVersion(given.name, given.version, versionOf(given.name));
    return failure === null ? given : {failure};
}

/**
 * Why a version cannot be asked, null if it is the one that serves.
 * @param {string} name
 * @param {string} version
 * @param {string | undefined} served
 * @returns {Failure | null}
 */
function otherVersion(name, version, served) {
    if (version === served) {
        return null;
    }
    return errors.failure(404, `Version ${errors.quote(version)} of model ${name} is not served; `
        + (served === undefined ? 'leave the version out of the path.' : `that is ${served}, or leave the version out of the path.`));
}

/**
 * The labels in the order of the network's outputs: those of the archive that answers; until one does, those that shall be.
 * @param {string} name
 * @returns {string[]}
 */
function labelsOf(name) {
    const running = state.model(name).facts;
    return running && running.emotions ? running.emotions : catalogue.entries()[name].emotions;
}

// Undefined of an ensemble, and of a model that is not registered.
function versionOf(name) {
    return (state.model(name).facts || {}).version;
}

/** @param {NginxHTTPRequest} r */
function show(r) {
    const given = named(r);
    if (given.failure) {
        return errors.send(r, given.failure);
    }
    const labels = labelsOf(given.name);
    const version = versionOf(given.name);
    answers.json(r, 200, {
        name: given.name,
        versions: version === undefined ? [] : [version],
        platform: PLATFORM,
        inputs: [
            {name: 'image', datatype: 'BYTES', shape: [-1]},
            {name: 'pixels', datatype: 'UINT8', shape: [-1, SIDE, SIDE, 3]},
        ],
        outputs: [
            {name: 'probabilities', datatype: 'FP32', shape: [-1, labels.length], parameters: {labels}},
            {name: 'label', datatype: 'BYTES', shape: [-1]},
            {name: 'status', datatype: 'INT32', shape: [-1]},
            {name: 'error', datatype: 'BYTES', shape: [-1]},
        ],
    });
}

/** @param {NginxHTTPRequest} r */
function ready(r) {
    const given = named(r);
    if (given.failure) {
        return errors.send(r, given.failure);
    }
    server.tell(r, {name: given.name}, readiness.modelProblem(given.name));
}

export default {SIDE, labelsOf, named, otherVersion, ready, show};
