// An ensemble's answer: the weighted mean of what its members say of the same image.
import admission from 'models/admission.js';
import availability from 'models/availability.js';
import catalogue from 'models/catalogue.js';
import counters from 'counting/counters.js';
import comparisons from 'access/comparisons.js';
import ensembles from 'models/ensembles.js';
import networks from 'predict/networks.js';
import results from 'predict/results.js';

/** @typedef {import('predict/replies.js').Outcome} Outcome */
/** @typedef {import('predict/results.js').Result} Result */
/** @typedef {import('models/ensembles.js').Entry} Entry */

// Members round to six digits; more than nine would show the error of adding.
const DIGITS = 1e9;
// Seconds, where the member's failure says none.
const RETRY_AFTER = 5;

/**
 * @param {NginxHTTPRequest} r
 * @param {Buffer} file
 * @param {string} name
 * @returns {Promise<Outcome>}
 */
async function answer(r, file, name) {
    const members = ensembles.networks([name]);
    const failure = comparisons.exceeded(r, members.length, admission.nextAnswer);
    return failure === null ? combine(name, await networks.ask(r, file, members)) : {failure};
}

/**
 * @param {string} name
 * @param {Object<string, Outcome>} outcomes  of its members, by their names
 * @returns {Outcome}
 */
function combine(name, outcomes) {
    const failure = availability.refusal(name);
    if (failure !== null) {
        return {failure};
    }
    const entry = /** @type {any} */ (catalogue.entries()[name]);
    const found = entry.ensemble.map((member) => results.read(member, outcomes[member]));
    const answered = found.filter((result) => result.success);
    const lacking = found.filter((result) => !result.success);
    if (answered.length === 0 || (lacking.length > 0 && entry.missing !== 'answer')) {
        return {failure: results.ofImage(lacking) || incomplete(name, lacking[0])};
    }
    const body = meanOf(name, entry, answered, lacking.map((result) => result.model));
    counters.add('emotion_predictions_total', {model: name, emotion: body.top_emotion}, 1);
    return {status: 200, body: JSON.stringify(body)};
}

function incomplete(name, lacking) {
    return availability.delayed(`Ensemble ${name} does not answer without ${lacking.model}: ${lacking.error}`,
                                lacking.retry_after || RETRY_AFTER);
}

/**
 * @param {string} name
 * @param {Entry} entry
 * @param {Result[]} answered
 * @param {string[]} missing
 */
function meanOf(name, entry, answered, missing) {
    const predictions = sorted(means(entry, answered));
    const top = Object.keys(predictions)[0];
    const members = {};
    answered.forEach((result) => {
        members[result.model] = result.version;
    });
    return Object.assign(
        {success: true, model: name, predictions, top_emotion: top, confidence: predictions[top], members},
        missing.length > 0 ? {missing} : {},
        answered.some((result) => result.stand_in) ? {stand_in: true} : {}
    );
}

function means(entry, answered) {
    const weights = ensembles.weights(entry, answered.map((result) => result.model));
    const sums = {};
    entry.emotions.forEach((label) => {
        sums[label] = 0;
    });
    answered.forEach((result, index) => Object.keys(result.predictions).forEach((label) => {
        const own = ensembles.labelOf(entry, result.model, label);
        if (own !== undefined) {
            sums[own] += weights[index] * result.predictions[label];
        }
    }));
    return sums;
}

// The most probable first.
function sorted(sums) {
    const predictions = {};
    Object.keys(sums).sort((one, other) => sums[other] - sums[one]).forEach((label) => {
        predictions[label] = Math.round(sums[label] * DIGITS) / DIGITS;
    });
    return predictions;
}

export default {answer, combine};
