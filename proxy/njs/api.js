// Which function answers which operation of the table of routes (http/routes.js).
import compare from 'predict/compare.js';
import faces from 'predict/faces.js';
import health from 'describe/health.js';
import metrics from 'metrics/page.js';
import models from 'describe/models.js';
import oipInfer from 'oip/infer.js';
import oipModel from 'oip/model.js';
import oipServer from 'oip/server.js';
import pause from 'models/pause.js';
import predict from 'predict/predict.js';
import ready from 'describe/ready.js';
import rounds from 'http/rounds.js';
import routes from 'http/routes.js';
import service from 'describe/service.js';

const OPERATIONS = {
    compare: compare.compare,
    faces: faces.find,
    health: health.show,
    live: health.live,
    metrics: metrics.show,
    modelReady: ready.ofModel,
    models: models.show,
    oipInfer: oipInfer.infer,
    oipLive: oipServer.live,
    oipModel: oipModel.show,
    oipModelReady: oipModel.ready,
    oipReady: oipServer.ready,
    oipServer: oipServer.show,
    predict: predict.predict,
    ready: ready.ofService,
    service: service.show,
};

// At most, in milliseconds: the last of several pauses, each twice as long as the one before.
const MAX_PAUSE = 32;

/** @param {NginxHTTPRequest} r */
function handle(r) {
    return rounds.isLong(r.variables.msec) ? pass(r).then(() => routes.handle(r, OPERATIONS)) : routes.handle(r, OPERATIONS);
}

/**
 * Let others come first; for files too, which nginx itself answers (templates/server/pages.conf.j2).
 * Of many requests that wait, most find the next round long again; who has waited for several is answered in any case.
 * @param {NginxHTTPRequest} r
 */
async function pass(r) {
    for (let ms = 1; ms <= MAX_PAUSE && rounds.isLong(r.variables.msec); ms *= 2) {
        await pause(ms);
    }
}

export default {handle, pass};
