// The operations that a node answers: which models they are about, which decides who is asked.
import asking from 'nodes/asking.js';
import catalogue from 'models/catalogue.js';
import comparing from 'nodes/comparing.js';
import errors from 'http/errors.js';
import gauges from 'counting/gauges.js';
import input from 'predict/input.js';
import routes from 'http/routes.js';

/**
 * POST /api/v1/predict and /api/v1/faces. A form that cannot be read is refused here, as a node would.
 * @param {NginxHTTPRequest} r
 */
function ofForm(r) {
    const given = input.read(r);
    return given.failure ? errors.send(r, given.failure) : ofOne(r, given.name);
}

/**
 * POST /api/v1/compare
 * @param {NginxHTTPRequest} r
 */
function ofSeveral(r) {
    const given = input.readSeveral(r);
    if (given.failure) {
        return errors.send(r, given.failure);
    }
    return comparing.isWhole(given.names) ? asking.answer(r, given.names) : comparing.compare(r, given.file, given.names);
}

/**
 * Those that name a model in their path.
 * @param {NginxHTTPRequest} r
 */
function ofPath(r) {
    const name = routes.modelOf(r.uri).name;
    if (!catalogue.names().includes(name)) {
        const message = `There is no model ${errors.quote(name)}; GET /api/v1/models lists the models.`;
        return errors.send(r, errors.failure(404, message));
    }
    return r.method === 'POST' ? ofOne(r, name) : asking.answer(r, [name]);
}

function ofOne(r, name) {
    r.variables.model = name;
    gauges.add(gauges.IN_FLIGHT, name, 1);
    return asking.answer(r, [name]);
}

export default {ofForm, ofPath, ofSeveral};
