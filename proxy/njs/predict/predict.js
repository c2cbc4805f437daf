// POST /api/v1/predict: the form's file, as it is, to the worker of the form's model.
import answering from 'predict/answering.js';
import answers from 'http/answers.js';
import ensemble from 'predict/ensemble.js';
import ensembles from 'models/ensembles.js';
import errors from 'http/errors.js';
import gauges from 'counting/gauges.js';
import input from 'predict/input.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */

/** @param {NginxHTTPRequest} r */
function predict(r) {
    return answer(r, input.read(r));
}

/**
 * Have the model of a form asked, and send what it says.
 * @param {NginxHTTPRequest} r
 * @param {import('predict/input.js').Input} given
 */
async function answer(r, given) {
    if (given.failure) {
        return errors.send(r, given.failure);
    }
    r.variables.model = given.name;
    gauges.add(gauges.IN_FLIGHT, given.name, 1);
    const outcome = await predicted(r, given);
    if (outcome.failure) {
        r.variables.rejection = outcome.failure.reason || '';
        return errors.send(r, outcome.failure);
    }
    answers.send(r, outcome.status, outcome.body, {});
}

/** @returns {Promise<Outcome>} */
function predicted(r, given) {
    return ensembles.isEnsemble(given.name)
        ? ensemble.answer(r, given.file, given.name)
        : answering.answer(r, {file: given.file, name: given.name, notes: r.variables});
}

export default {answer, predict};
