// nginx answers all requests that have arrived, on one connection or many, in one round of its event loop, however many those are.

// After so long, other connections come first.
const MAX_MS = 20;

/**
 * Whether the round has lasted so long that others should come first.
 * @param {string} msec  nginx's own time, in seconds, which stands still during a round
 */
function isLong(msec) {
    return Date.now() - 1000 * Number(msec) >= MAX_MS;
}

export default {isLong};
