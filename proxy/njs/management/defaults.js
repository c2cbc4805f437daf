// Which version may answer the requests that name none: one with a READY worker. TorchServe would take any, and answer
// them with errors.
import errors from 'http/errors.js';
import torchserve from 'models/torchserve.js';

/**
 * What stands against a version; null if nothing does. Throws when TorchServe does not answer.
 * @param {string} model  its name in TorchServe
 * @param {string} version
 * @returns {Promise<import('http/errors.js').Failure | null>}
 */
async function failure(model, version) {
    const reply = await torchserve.call('GET', `/models/${model}/${version}`);
    if (reply.status !== 200) {
        return null; // TorchServe says what is wrong
    }
    const described = JSON.parse(reply.text)[0];
    if (described.workers.some((worker) => worker.status === 'READY')) {
        return null;
    }
    const has = described.workers.length > 0 ? `it has ${described.workers.length}, still loading or failing`
        : `start one with PUT /models/${model}/${version}?min_worker=1&max_worker=1`;
    return errors.failure(409, `Version ${version} of ${model} has no READY worker, so requests would fail: ${has}; `
                               + `repeat GET /models/${model}/${version} until a worker's status is READY, then set it as default.`);
}

export default {failure};
