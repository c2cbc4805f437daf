// Waiting for a TorchServe that has ended, as long as the supervisor is about to bring it back.
import availability from 'models/availability.js';
import clock from 'counting/clock.js';
import pause from 'http/pause.js';
import refresh from 'models/refresh.js';
import state from 'models/state.js';
import supervision from 'models/supervision.js';

/** @typedef {import('http/errors.js').Failure} Failure */

const INTERVAL_MS = 200;
// So long after the end of TorchServe the supervisor has said that it starts it again, also if it was started anew itself, with
// its container.
const NOTICE_MS = 10000;

/**
 * Resolves when a model can be asked again to null, and to why it cannot when that will not be soon.
 * @param {string} name
 * @param {number} deadline  by counting/clock.js
 * @returns {Promise<Failure | null>}
 */
async function wait(name, deadline) {
    const began = clock.now();
    await refresh.tryRefresh(name);
    for (;;) {
        const model = state.model(name);
        const failure = availability.failure(name, model);
        const isOver = !isComing(failure, model.asked >= began, began);
        if (clock.now() >= deadline || isOver && failure === null) {
            return failure;
        }
        if (isOver) {
            // The supervisor may have said since the proxy looked that TorchServe is back.
            await refresh.tryRefresh(name);
            return availability.failure(name, state.model(name));
        }
        await pause(INTERVAL_MS);
    }
}

// Whether to wait on. While TorchServe starts, what was known of a model before is of no use.
function isComing(failure, isNew, began) {
    const mayPass = failure === null ? !isNew : failure.retryAfter !== undefined;
    switch (supervision.ofTorchServe()) {
    case 'starting':
        return mayPass;
    case 'running':
        if (failure === null) {
            return false;
        }
        return failure.reason === 'torchserve_down' && clock.now() - began < NOTICE_MS;
    }
    return false;
}

export default {wait};
