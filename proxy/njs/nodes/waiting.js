// Waiting for a node's reply, or for the sign that the node hangs: it has accepted the request, and answers nothing any more, the
// poller's questions included.
import choosing from 'nodes/choosing.js';
import firstReply from 'http/first_reply.js';
import known from 'nodes/known.js';

const INTERVAL_MS = 500;

/**
 * Resolves to the first of the replies; to null when the node that was asked last is silent and another one can be asked.
 * @param {Promise<NginxHTTPRequest>[]} replies
 * @param {number} index
 * @param {string[]} names
 * @param {number[]} tried
 * @returns {Promise<NginxHTTPRequest | null>}
 */
function forReply(replies, index, names, tried) {
    return firstReply(replies, () => known.state(index) === 'silent' && choosing.next(names, tried) !== null, INTERVAL_MS);
}

export default {forReply};
