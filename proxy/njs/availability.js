// Whether a model can be asked, and if not, why: {status, sentence, wait, reason} with the seconds for Retry-After and
// the word for the metrics.
import state from 'state.js';

function refusal(sentence) {
    return {status: 500, sentence};
}

function delay(sentence, wait, reason) {
    return {status: 503, sentence, wait, reason};
}

// The problem of a model, null when a prediction may be tried.
function problem(name, model) {
    if (model.refusal) {
        return refusal(model.refusal.includes(name) ? model.refusal : `Model ${name} is not served: ${model.refusal}`);
    }
    if (!state.isUp()) {
        return delay(`Model ${name} cannot answer: TorchServe is not running or still starting; try again shortly.`, 2, 'torchserve_down');
    }
    if (!state.isFresh()) {
        return delay(`Model ${name} cannot answer: TorchServe has not replied for some seconds; try again shortly.`, 5, 'torchserve_down');
    }
    switch (model.state) {
    case 'absent':
        return refusal(model.built
            ? `Model ${name} is not registered with TorchServe; register its archive or start the stack again.`
            : `Model ${name} has no archive; put its checkpoint into results/, build the archive, and start the stack again.`);
    case 'failing':
        return refusal(`Model ${name} does not load: its worker ends again and again; see TorchServe's log on the server.`);
    case 'starting':
        return delay(`Model ${name} is still loading; try again shortly.`, 2, 'not_ready');
    }
    return null;
}

export default {delay, problem, refusal};
