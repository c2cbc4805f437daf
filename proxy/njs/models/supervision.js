// What the supervisor says of the parts of the stack that it brings back: scripts/stack/supervision.py.
import availability from 'models/availability.js';
import fs from 'fs';
import pause from 'models/pause.js';
import refresh from 'models/refresh.js';
import state from 'models/state.js';

/** @typedef {import('http/errors.js').Failure} Failure */
/** @typedef {{pid: number, parts: Object<string, {state: 'running'|'starting'|'failing', restarts: number}>}} Supervision */

const INTERVAL_MS = 200;
// So long after the end of TorchServe the supervisor has said that it starts it again.
const NOTICE_MS = 2000;

/**
 * What a living supervisor said last; null where there is none.
 * @returns {Supervision | null}
 */
function current() {
    try {
        const said = JSON.parse(fs.readFileSync(settings.supervision, 'utf8'));
        fs.statSync(`/proc/${said.pid}`);
        return said;
    } catch (error) {
        return null;
    }
}

/**
 * Wait until a model can be asked again, as long as the supervisor is about to bring TorchServe back. Resolves to what
 * stands against asking the model, null if nothing does.
 * @param {string} name
 * @param {number} deadline  ms since 1970
 * @returns {Promise<Failure | null>}
 */
async function recovery(name, deadline) {
    const began = Date.now();
    await refresh.tryRefresh(name);
    for (;;) {
        const failure = availability.failure(name, state.model(name));
        if (failure === null || failure.retryAfter === undefined || Date.now() >= deadline || !isComing(failure, began)) {
            return failure;
        }
        await pause(INTERVAL_MS);
    }
}

function isComing(failure, began) {
    const said = current();
    if (said === null) {
        return false;
    }
    switch (said.parts.torchserve.state) {
    case 'starting':
        return true;
    case 'running':
        return failure.reason === 'torchserve_down' && Date.now() - began < NOTICE_MS;
    }
    return false;
}

export default {current, recovery};
