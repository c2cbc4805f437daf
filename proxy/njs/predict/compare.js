// POST /api/v1/compare: one image, several models at the same time, one answer.
import admission from 'models/admission.js';
import agreement from 'predict/agreement.js';
import answers from 'http/answers.js';
import comparisons from 'access/comparisons.js';
import ensemble from 'predict/ensemble.js';
import ensembles from 'models/ensembles.js';
import errors from 'http/errors.js';
import input from 'predict/input.js';
import networks from 'predict/networks.js';
import results from 'predict/results.js';

// Each is a prediction that TorchServe, and the memory of its workers, must have room for.
const MAX_NETWORKS = 16;

/** @param {NginxHTTPRequest} r */
async function compare(r) {
    const given = input.readSeveral(r);
    if (given.failure) {
        return errors.send(r, given.failure);
    }
    const asked = ensembles.networks(given.names);
    const failure = asked.length > MAX_NETWORKS ? tooMany(asked.length) : comparisons.exceeded(r, asked.length, admission.nextAnswer);
    if (failure !== null) {
        r.variables.rejection = failure.reason || '';
        return errors.send(r, failure);
    }
    send(r, given.names, await networks.ask(r, given.file, asked));
}

function tooMany(count) {
    return errors.failure(400, `That are ${count} networks; one comparison asks ${MAX_NETWORKS} at most. `
                               + 'Name fewer of the models that GET /api/v1/models lists, each in a field "model".');
}

function send(r, names, outcomes) {
    const found = names.map((name) => results.read(name, ensembles.isEnsemble(name) ? ensemble.combine(name, outcomes) : outcomes[name]));
    const answered = found.filter((result) => result.success);
    if (answered.length > 0) {
        return answers.json(r, 200, {success: true, results: found, agreement: agreement.of(answered)});
    }
    const failure = results.overall(found);
    // What TorchServe was not asked for has been counted already; the image is refused once.
    r.variables.rejection = failure.status === 413 ? 'pixels' : '';
    errors.send(r, failure);
}

export default {compare};
