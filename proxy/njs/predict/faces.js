// POST /api/v1/faces: the same as a prediction, but the worker finds the faces of the picture and answers for each.
import ensembles from 'models/ensembles.js';
import errors from 'http/errors.js';
import input from 'predict/input.js';
import predict from 'predict/predict.js';

// If the form says nothing else.
const MAX_FACES = 10;
const MIN_SCORE = 0.5;
// Of a field that is read as a number.
const MAX_DIGITS = 40;

/** @param {NginxHTTPRequest} r */
function find(r) {
    const given = input.read(r);
    if (given.failure) {
        return predict.answer(r, given);
    }
    return predict.answer(r, ensembles.isEnsemble(given.name) ? ofEnsemble(given.name) : withWish(r, given));
}

// An ensemble is the mean of what networks say of one picture; they would not look for the same faces.
function ofEnsemble(name) {
    return {failure: errors.failure(400, `${name} is an ensemble, which answers for whole pictures; ask one of its members for faces: `
                                         + `${ensembles.networks([name]).join(', ')}.`)};
}

// The worker learns by a header what is asked for (server/predict_request.conf.j2, handlers/face_request.py).
function withWish(r, given) {
    const most = number(given.fields.max_faces, Math.min(MAX_FACES, settings.max_faces));
    const score = number(given.fields.min_score, MIN_SCORE);
    if (!(Number.isInteger(most) && most >= 1 && most <= settings.max_faces)) {
        return invalid('max_faces', given, `a whole number from 1 to ${settings.max_faces}`);
    }
    if (!(score >= 0 && score <= 1)) {
        return invalid('min_score', given, 'a number from 0 to 1');
    }
    r.variables.faces_wish = `${most} ${score}`;
    return given;
}

function number(bytes, otherwise) {
    if (bytes === undefined) {
        return otherwise;
    }
    const text = bytes.length <= MAX_DIGITS ? bytes.toString().trim() : '';
    return /^[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$/i.test(text) ? Number(text) : NaN;
}

function invalid(name, given, wanted) {
    const text = given.fields[name].toString('utf8', 0, 400);
    return {failure: errors.failure(400, `The field "${name}" is ${errors.quote(text)}; send ${wanted}, or leave it out.`)};
}

export default {find};
