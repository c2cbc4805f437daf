// What an answer of TorchServe means for the client: {status, body} to pass on, or {status, sentence, wait};
// "repeat" marks those that a repetition may turn into an answer.
import availability from 'availability.js';

// The handler's own answers begin so; TorchServe's begin with {"code": …}. TorchServe closes the connection after an
// error of its own, and its body may be lost with it: the status alone must lead to a sensible answer.
const HANDLER_BODY = /^\s*\{\s*"success"\s*:/;

function judge(name, reply) {
    const body = reply.responseText || '';
    // 502 and 504 are nginx's own, in the same shape as the handler's.
    if (HANDLER_BODY.test(body) && reply.status !== 502 && reply.status !== 504) {
        return {status: reply.status, body};
    }
    return byStatus(name, /Worker died/.test(body) ? 507 : reply.status, body);
}

function byStatus(name, status, body) {
    switch (status) {
    case 400:
        // TorchServe was started again and has new keys.
        return repeatable(availability.delay(`Model ${name} cannot answer: TorchServe has just been started again; `
                                             + 'try again shortly.', 1, 'torchserve_down'));
    case 404:
        return availability.refusal(`Model ${name} is not registered with TorchServe; `
                                    + 'register its archive or start the stack again.');
    case 413:
        return {status: 413, sentence: 'The image is larger than TorchServe accepts; send one of less than 10 MiB.'};
    case 502:
        return repeatable(availability.delay(`Model ${name} cannot answer: TorchServe is not running or still starting; `
                                             + 'try again shortly.', 2, 'torchserve_down'));
    case 503:
        // The same status for a full queue, a missing worker, and an exception of the handler.
        if (!/Prediction failed/.test(body)) {
            return availability.delay(`Model ${name} is busy: its queue is full; try again shortly.`, 1, 'queue_full');
        }
        break;
    case 504:
        return {status: 504, sentence: `Model ${name} gave no answer within ${settings.predict_timeout} s; try again, `
                                       + 'or with a smaller image.'};
    case 507:
        return lost(name);
    }
    return availability.refusal(`Model ${name} failed on this image; see TorchServe's log on the server.`);
}

// For a prediction whose worker ended before it answered.
function lost(name) {
    return repeatable(availability.delay(`The worker of model ${name} ended while it computed; try again shortly.`, 2));
}

function repeatable(verdict) {
    return Object.assign(verdict, {repeat: true});
}

export default {judge, lost};
