// Once a second: the catalogue, the build's index and TorchServe's workers, into the shared dictionary; and the log.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_periodic
import catalogue from 'models/catalogue.js';
import clock from 'counting/clock.js';
import closing from 'models/closing.js';
import disk from 'poller/disk.js';
import lifecycle from 'models/lifecycle.js';
import pause from 'http/pause.js';
import processes from 'poller/processes.js';
import refresh from 'models/refresh.js';
import revival from 'poller/revival.js';
import rotation from 'poller/rotation.js';
import state from 'models/state.js';
import trials from 'poller/trials.js';
import workers from 'models/workers.js';

// Models that are about to become READY are polled more often.
const UNSETTLED_MS = 250;
const LAST_ROUND_MS = 700;

async function poll() {
    const start = clock.now();
    rotation.rotate();
    disk.probe();
    processes.look();
    catalogue.load();
    const names = catalogue.networks();
    const over = closing.begin();
    try {
        // One model first: while TorchServe is down this writes one line a second to the log, not one for each model.
        const first = await Promise.all(names.slice(0, 1).map(read));
        const described = first.concat(await Promise.all(names.slice(1).map(read)));
        closing.end(over);
        await Promise.all(names.map((name, index) => revival.look(name, described[index])));
        await trials.look(names, described);
        while (clock.now() - start < LAST_ROUND_MS && names.some(isUnsettled)) {
            await pause(UNSETTLED_MS);
            await Promise.all(names.filter(isUnsettled).map(read));
        }
    } catch (error) {
        refresh.recordFailure(error);
    }
}

function isUnsettled(name) {
    return lifecycle.isUnsettled(state.model(name));
}

async function read(name) {
    const description = await refresh.refresh(name);
    workers.record(name, description);
    return description;
}

export default {poll};
