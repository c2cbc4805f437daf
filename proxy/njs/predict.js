// POST /api/v1/predict: the form's file, as it is, to the worker of the form's model.
import availability from 'availability.js';
import catalogue from 'catalogue.js';
import counters from 'counters.js';
import errors from 'errors.js';
import form from 'form.js';
import loading from 'loading.js';
import lost from 'lost.js';
import state from 'state.js';
import torchserve from 'torchserve.js';
import verdicts from 'verdicts.js';

// A prediction that died with its worker is repeated; an image that kills workers must not do so for ever.
const MAX_REPEATS = 2;
// Of a model's name that is looked at: more than any has. To replace in a long text takes njs long.
const MAX_NAME_BYTES = 400;
// Of the models an error lists.
const MAX_NAMES = 12;

async function predict(r) {
    const input = readInput(r);
    if (input.error) {
        return errors.send(r, input.status || 400, input.error);
    }
    r.variables.model = input.name;
    counters.add('emotion_predictions_in_flight', {model: input.name}, 1);
    const problem = await prepare(input.name);
    if (problem !== null) {
        return sendProblem(r, problem);
    }
    let verdict = await ask(r, input);
    if (verdict.reason === 'queue_full' && await isUnloaded(input.name)) {
        verdict = await prepare(input.name) || await ask(r, input);
    }
    if (verdict.sentence) {
        return sendProblem(r, verdict);
    }
    errors.answer(r, verdict.status, verdict.body);
}

function sendProblem(r, problem) {
    r.variables.rejection = problem.reason || '';
    errors.send(r, problem.status, problem.sentence, problem.wait ? {'Retry-After': String(problem.wait)} : {});
}

// The image and the model's name: {file, name}, or {error} with its status if that is not 400.
function readInput(r) {
    if (r.variables.request_body_file) {
        return {status: 413, error: 'The body was sent in chunks of a few bytes; send it in larger ones, or with its length.'};
    }
    const parsed = form.parse(r.headersIn['Content-Type'] || '', r.requestBuffer);
    if (parsed.error) {
        return parsed;
    }
    const file = parsed.fields.file;
    const name = parsed.fields.model;
    const missing = ['file', 'model'].filter((field) => parsed.fields[field] === undefined);
    if (missing.length > 0) {
        return {error: `The form has no ${missing.map((field) => `"${field}"`).join(' and no ')}; send both, `
                       + 'the image as "file" and the model\'s name as "model".'};
    }
    if (name.length === 0) {
        return {error: 'The field "model" is empty; send one of the names GET /api/v1/models lists.'};
    }
    if (file.length === 0) {
        return {error: 'The field "file" is empty; send an image.'};
    }
    return known(file, name);
}

function known(file, bytes) {
    const names = catalogue.names();
    const name = bytes.toString('utf8', 0, MAX_NAME_BYTES);
    const whole = bytes.length <= MAX_NAME_BYTES;
    if (whole && names.includes(name)) {
        return {file, name};
    }
    const meant = whole ? names.find((candidate) => simplified(candidate) === simplified(name)) : undefined;
    const hint = meant === undefined ? '' : ` Did you mean ${meant}? Send it exactly so, without URL encoding.`;
    const listed = names.slice(0, MAX_NAMES).join(', ') + (names.length > MAX_NAMES ? ', …' : '');
    return {error: `Unknown model ${errors.quote(name)}; GET /api/v1/models lists the models: ${listed}.${hint}`};
}

// A name without its case, and without what URL encoding does to "+".
function simplified(name) {
    return name.trim().replace(/ |%2b/gi, '+').toLowerCase();
}

// The problem of a model, null when it can be asked. What stands against it is checked anew, since the last look may be
// a second old. A model without a worker is loaded.
async function prepare(name) {
    let problem = availability.problem(name, state.model(name));
    if (problem !== null && problem.wait !== undefined && !loading.isUnderWay(name)) {
        await torchserve.look(name).catch(torchserve.noteFailure);
        problem = availability.problem(name, state.model(name));
    }
    const loads = state.model(name).state === 'idle' || loading.isUnderWay(name);
    return loads && (problem === null || problem.wait !== undefined) ? loading.load(name) : problem;
}

// Whether the worker was taken away since the last look: TorchServe answers that like a full queue.
async function isUnloaded(name) {
    await torchserve.look(name).catch(torchserve.noteFailure);
    return state.model(name).state !== 'ready';
}

// Send the image until there is an answer to give.
async function ask(r, input) {
    const archive = state.model(input.name).archive;
    const start = Date.now();
    // nginx has a location for each eighth of the time-out: a repeat gets what is left.
    let eighths = 8;
    // More than one only after a loss: should TorchServe answer the older one after all, that counts.
    let answers = [];
    for (let repeats = 0; ; repeats++) {
        r.variables.inference_key = torchserve.inferenceKey();
        answers.push(r.subrequest(`/_predict/${eighths}/${archive}`, {method: 'POST', body: input.file}));
        const reply = await lost.firstOf(answers, input.name);
        await nextEvent();
        const verdict = reply === null ? verdicts.lost(input.name) : verdicts.judge(input.name, reply);
        const elapsed = Date.now() - start;
        eighths = Math.floor(8 - elapsed * 8 / (settings.predict_timeout * 1000));
        if (!verdict.repeat || repeats === MAX_REPEATS || eighths < 1) {
            r.variables.torchserve_ms = String(elapsed);
            r.variables.repeats = String(repeats);
            r.variables.prediction_report = reply === null ? '' : reply.headersOut['X-Prediction-Report'] || '';
            return verdict;
        }
        answers = reply === null ? answers : [];
        r.log(`request ${r.variables.request_identifier}: ${verdict.sentence} Repeated.`);
        torchserve.readKeys();
    }
}

// njs 0.9.9 runs what waits for a subrequest while nginx still ends it. An answer to a client that has reset its connection
// fails, and would free the request under nginx: the process would crash. A timer's turn comes when that is over.
// https://github.com/nginx/njs/issues/1077
function nextEvent() {
    return new Promise((resolve) => setTimeout(resolve, 0));
}

export default {predict};
