// Once a second: the catalogue, the build's index and TorchServe's workers, into the shared dictionary; and the log.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_periodic
import files from 'files.js';
import rotation from 'rotation.js';
import state from 'state.js';
import torchserve from 'torchserve.js';
import workers from 'workers.js';

async function poll() {
    rotation.rotate();
    const names = files.load();
    try {
        // One model first: a TorchServe that is down then costs one line of the log a second, not one for each model.
        await Promise.all(names.slice(0, 1).map(look));
        await Promise.all(names.slice(1).map(look));
    } catch (error) {
        torchserve.noteFailure(error);
    }
}

async function look(name) {
    workers.note(name, await torchserve.look(name));
}

export default {poll};
