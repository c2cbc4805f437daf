// Waiting for a reply, or for the sign that there will be none. A worker thread of TorchServe that is interrupted while it
// collects a batch, because its process died or is scaled away, forgets what it has taken from the queue: those requests
// would never be answered.
// https://github.com/pytorch/serve/blob/v0.12.0/frontend/server/src/main/java/org/pytorch/serve/wlm/WorkerThread.java
import admission from 'models/admission.js';
import firstReply from 'http/first_reply.js';
import lifecycle from 'models/lifecycle.js';
import state from 'models/state.js';
import workers from 'models/workers.js';

const INTERVAL_MS = 1000;
// A request that only waited for its worker's restart has a reply by the time the model was seen READY so often, with nothing before
// it in the queue.
const PATIENCE = 5;

/**
 * Resolves to the first of the replies, or to null when the one asked for just now must be taken for lost.
 * @param {Promise<NginxHTTPRequest>[]} replies
 * @param {string} name
 * @returns {Promise<NginxHTTPRequest | null>}
 */
function forReply(replies, name) {
    const before = workers.ends(name);
    const isPassed = admission.queueAhead(name);
    let seen = 0;
    function isLost() {
        const mayAnswer = lifecycle.isReady(state.model(name)) && (workers.waiting(name) === 0 || isPassed());
        seen += Number(workers.ends(name) !== before && mayAnswer);
        return seen > PATIENCE;
    }
    return firstReply(replies, isLost, INTERVAL_MS);
}

export default {forReply};
