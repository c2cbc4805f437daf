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

// After so long, other connections come first.
const MAX_ROUND_MS = 20;

/**
 * nginx answers all requests that have arrived on one connection in one round of its event loop, however many those are.
 * Its own time stands still during a round.
 * @param {NginxHTTPRequest} r
 */
function handle(r) {
    const round = Date.now() - 1000 * Number(r.variables.msec);
    return round < MAX_ROUND_MS ? routes.handle(r, OPERATIONS) : pause(0).then(() => routes.handle(r, OPERATIONS));
}

export default {handle};
