// Lazy loading: a model registered without a worker gets one on its first request, which waits for it.
import availability from 'availability.js';
import state from 'state.js';
import torchserve from 'torchserve.js';

const LOOK_MS = 150;
// A lock that was not renewed for so long belongs to a request whose client has gone.
const LOCK_MS = 3000;

function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

// Load a model, or wait for the request that does so already. Resolves to its problem, null once it is READY.
async function load(name) {
    try {
        return await untilReady(name, `loading:${name}`);
    } catch (error) {
        return availability.delay(`Model ${name} could not be loaded: TorchServe does not answer; try again shortly.`, 2);
    }
}

// One request at a time asks TorchServe; the others read what it found.
async function untilReady(name, lock) {
    const deadline = Date.now() + settings.load_timeout * 1000;
    const locks = state.dictionary();
    let leads = false;
    while (Date.now() < deadline) {
        if (!leads && acquire(locks, lock)) {
            leads = true;
            await torchserve.addWorker(name);
        }
        if (leads) {
            locks.set(lock, String(Date.now()));
            await torchserve.look(name);
        }
        const model = state.model(name);
        if (model.state !== 'idle' && model.state !== 'starting') {
            if (leads) {
                locks.delete(lock);
            }
            return availability.problem(name, model);
        }
        await pause(LOOK_MS);
    }
    return availability.delay(`Model ${name} is still loading; try again shortly.`, 5);
}

// Whether a request waits for this model's worker.
function isUnderWay(name) {
    return Date.now() - Number(state.dictionary().get(`loading:${name}`) || 0) < LOCK_MS;
}

function acquire(locks, lock) {
    return locks.add(lock, String(Date.now())) || Date.now() - Number(locks.get(lock)) > LOCK_MS;
}

export default {isUnderWay, load};
