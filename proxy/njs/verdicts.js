// What an answer of TorchServe means for the client: {status, body} to pass on, or {status, sentence, wait};
// "repeat" marks those that a repetition may turn into an answer.
import availability from 'availability.js';

// The handler's own answers begin so; TorchServe's begin with {"code": …}.
const HANDLER_BODY = /^\s*\{\s*"success"\s*:/;

function judge(name, reply) {
    // No answer of TorchServe, but of nginx.
    if (reply.status === 502 || reply.status === 504) {
        return byStatus(name, reply.status);
    }
    const body = reply.responseText || '';
    if (HANDLER_BODY.test(body)) {
        return {status: reply.status, body};
    }
    if (reply.status === 507 || /Worker died/.test(body)) {
        return repeatable(availability.delay(`The worker of model ${name} ended while it computed; try again shortly.`, 2));
    }
    if (/Token Authorization failed/.test(body)) {
        return repeatable(availability.delay('TorchServe has just been started again; try again shortly.', 1,
                                             'torchserve_down'));
    }
    if (/no worker to serve/.test(body)) {
        return availability.delay(`Model ${name} is busy: its queue is full; try again shortly.`, 1, 'queue_full');
    }
    return byStatus(name, reply.status);
}

function byStatus(name, status) {
    switch (status) {
    case 404:
        return availability.refusal(`Model ${name} is not registered with TorchServe; `
                                    + 'register its archive or start the stack again.');
    case 413:
        return {status: 413, sentence: 'The image is larger than TorchServe accepts; send one of less than 10 MiB.'};
    case 502:
        return repeatable(availability.delay('TorchServe is not running or still starting; try again shortly.', 2,
                                             'torchserve_down'));
    case 504:
        return {status: 504, sentence: `Model ${name} gave no answer within ${settings.predict_timeout} s; try again, `
                                       + 'or with a smaller image.'};
    }
    return availability.refusal(`Model ${name} failed on this image; see TorchServe's log on the server.`);
}

function repeatable(verdict) {
    return Object.assign(verdict, {repeat: true});
}

export default {judge};
