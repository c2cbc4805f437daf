// Predictions that TorchServe loses. A worker thread that is interrupted while it collects a batch, because its process
// died or is scaled away, forgets what it has taken from the queue: those requests would never be answered.
// https://github.com/pytorch/serve/blob/v0.12.0/frontend/server/src/main/java/org/pytorch/serve/wlm/WorkerThread.java
import state from 'state.js';
import workers from 'workers.js';

const LOOK_MS = 1000;
// What only waited for a worker to be started again has its answer after so many looks at a READY model.
const PATIENCE = 5;

// Resolves to the first of the answers, or to null when the one asked for just now must be taken for lost.
async function firstOf(answers, name) {
    const asked = Date.now();
    let looks = 0;
    let timer;
    const loss = new Promise((resolve) => {
        function look() {
            if (workers.ended(name) > asked && state.model(name).state === 'ready') {
                looks++;
            }
            timer = looks > PATIENCE ? undefined : setTimeout(look, LOOK_MS);
            if (timer === undefined) {
                resolve(null);
            }
        }
        timer = setTimeout(look, LOOK_MS);
    });
    try {
        return await Promise.race(answers.concat([loss]));
    } finally {
        // To clear a timer that is over crashes njs.
        if (timer !== undefined) {
            clearTimeout(timer);
        }
    }
}

export default {firstOf};
