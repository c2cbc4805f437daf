// Once a second: the catalogue, the build's index and TorchServe's workers, into the shared dictionary; and the log.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_periodic
import files from 'files.js';
import rotation from 'rotation.js';
import state from 'state.js';
import torchserve from 'torchserve.js';
import workers from 'workers.js';

// Models that are about to become READY are looked at more often.
const UNSETTLED_MS = 250;
const LAST_LOOK_MS = 700;

async function poll() {
    const start = Date.now();
    rotation.rotate();
    const names = files.load();
    try {
        // One model first: a TorchServe that is down then costs one line of the log a second, not one for each model.
        await Promise.all(names.slice(0, 1).map(look));
        await Promise.all(names.slice(1).map(look));
        while (Date.now() - start < LAST_LOOK_MS && names.some(isUnsettled)) {
            await new Promise((resolve) => setTimeout(resolve, UNSETTLED_MS));
            await Promise.all(names.filter(isUnsettled).map(look));
        }
    } catch (error) {
        torchserve.noteFailure(error);
    }
}

function isUnsettled(name) {
    return ['starting', 'restarting'].includes(state.model(name).state);
}

async function look(name) {
    workers.note(name, await torchserve.look(name));
}

export default {poll};
