// POST /v2/models/{name}/infer: each image of a request is a prediction of its own.
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
import admission from 'models/admission.js';
import answering from 'predict/answering.js';
import answers from 'http/answers.js';
import availability from 'models/availability.js';
import comparisons from 'access/comparisons.js';
import ensemble from 'predict/ensemble.js';
import ensembles from 'models/ensembles.js';
import errors from 'http/errors.js';
import gauges from 'counting/gauges.js';
import model from 'oip/model.js';
import networks from 'predict/networks.js';
import outputs from 'oip/outputs.js';
import request from 'oip/request.js';
import results from 'predict/results.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */
/** @typedef {import('predict/results.js').Result} Result */
/** @typedef {import('oip/request.js').Inference} Inference */

/** @param {NginxHTTPRequest} r */
async function infer(r) {
    const named = model.named(r);
    const given = named.failure ? {failure: named.failure} : request.read(r);
    const failure = given.failure || limit(r, named.name, given.files.length);
    if (failure) {
        r.variables.rejection = failure.reason || '';
        return errors.send(r, failure);
    }
    r.variables.image_kind = given.kind;
    r.variables.model = named.name;
    gauges.add(gauges.IN_FLIGHT, named.name, 1);
    const outcomes = await predicted(r, named.name, given.files);
    const labels = model.labelsOf(named.name);
    send(r, named.name, given, outcomes.map((outcome) => checked(outcome, named, labels)), labels);
}

// One prediction has been counted by nginx; more of them count as those of a comparison do.
function limit(r, name, count) {
    const predictions = count * ensembles.networks([name]).length;
    return predictions === 1 ? null : comparisons.exceeded(r, predictions, admission.nextAnswer);
}

// The outcome of each image; an empty one is refused here, as it is in a form.
async function predicted(r, name, files) {
    const whole = files.filter((file) => file.length > 0);
    const outcomes = whole.length > 0 ? await asked(r, name, whole) : [];
    return files.map((file) => (file.length > 0 ? outcomes.shift() : {failure: empty()}));
}

function empty() {
    return errors.failure(400, 'The image is empty (0 bytes); send an image.');
}

/** @returns {Promise<Outcome[]>} */
async function asked(r, name, files) {
    if (ensembles.isEnsemble(name)) {
        const members = ensembles.networks([name]);
        return Promise.all(files.map(async (file) => ensemble.combine(name, await networks.ask(r, file, members))));
    }
    return files.length > 1
        ? networks.askEach(r, files, name)
        : [await answering.answer(r, {file: files[0], name, notes: /** @type {any} */ (r.variables)})];
}

// Another version may have begun to serve since the request came.
function checked(outcome, named, labels) {
    if (outcome.failure || outcome.status !== 200) {
        return outcome;
    }
    const answer = JSON.parse(outcome.body);
    const other = named.version === undefined ? null : model.otherVersion(named.name, named.version, answer.version);
    if (other !== null) {
        return {failure: other};
    }
    return labels.every((label) => answer.predictions[label] !== undefined) ? outcome
        : {failure: availability.delayed(`Model ${named.name} has just got other labels; try again.`, 1)};
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} name
 * @param {Inference} given
 * @param {Outcome[]} outcomes
 * @param {string[]} labels
 */
function send(r, name, given, outcomes, labels) {
    const found = outcomes.map((outcome) => results.read(name, outcome));
    const failed = found.filter((result) => !result.success);
    if (failed.length === found.length) {
        return refuse(r, outcomes, failed);
    }
    const tensors = given.wanted.map((wish) => outputs.tensor(wish, found, labels));
    const answer = outputs.written(head(name, given, found), tensors, given.wanted.map((wish) => wish.binary));
    answers.send(r, 200, answer.body, answer.headers);
}

function refuse(r, outcomes, failed) {
    const failure = failed.length === 1 && outcomes[0].failure
        ? outcomes[0].failure
        : results.ofImages(failed);
    // What TorchServe was not asked for has been counted already where there are several.
    r.variables.rejection = failed.length === 1 ? failure.reason || '' : failure.status === 413 ? 'pixels' : '';
    errors.send(r, failure);
}

function head(name, given, found) {
    const answered = found.filter((result) => result.success);
    const versions = answered.map((result) => result.version);
    const parameters = Object.assign(
        {},
        answered.length < found.length ? {failed: found.length - answered.length} : {},
        answered.some((result) => result.stand_in) ? {stand_in: true} : {},
        missing(answered)
    );
    return Object.assign(
        {model_name: name},
        versions[0] !== undefined && versions.every((version) => version === versions[0]) ? {model_version: versions[0]} : {},
        given.id === undefined ? {} : {id: given.id},
        Object.keys(parameters).length > 0 ? {parameters} : {}
    );
}

// Members of an ensemble that did not answer for all images.
function missing(answered) {
    const names = answered.reduce((all, result) => all.concat(result.missing || []), []);
    const once = names.filter((name, index) => names.indexOf(name) === index);
    return once.length > 0 ? {missing: once.join(', ')} : {};
}

export default {infer};
