// Waiting for a node's reply, or for the sign that the node hangs: it has accepted the request, and answers nothing any more, the
// poller's questions included.
import choosing from 'nodes/choosing.js';
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
async function forReply(replies, index, names, tried) {
    let timer;
    const loss = new Promise((resolve) => {
        function check() {
            const isLost = known.state(index) === 'silent' && choosing.next(names, tried) !== null;
            timer = isLost ? undefined : setTimeout(check, INTERVAL_MS);
            if (isLost) {
                resolve(null);
            }
        }
        timer = setTimeout(check, INTERVAL_MS);
    });
    try {
        return await Promise.race(replies.concat([loss]));
    } finally {
        // To clear a timer that is over crashes njs.
        if (timer !== undefined) {
            clearTimeout(timer);
        }
    }
}

export default {forReply};
