// What describes the service and its models, the metrics, and the answers to paths that do not exist.
import health from 'describe/health.js';
import metrics from 'metrics/page.js';
import models from 'describe/models.js';
import oipModel from 'oip/model.js';
import oipServer from 'oip/server.js';
import ready from 'describe/ready.js';
import service from 'describe/service.js';
import turns from 'http/turns.js';

const OPERATIONS = {
    health: health.show,
    live: health.live,
    metrics: metrics.show,
    modelReady: ready.ofModel,
    models: models.show,
    oipLive: oipServer.live,
    oipModel: oipModel.show,
    oipModelReady: oipModel.ready,
    oipReady: oipServer.ready,
    oipServer: oipServer.show,
    ready: ready.ofService,
    service: service.show,
};

/** @param {NginxHTTPRequest} r */
function handle(r) {
    return turns.handle(r, OPERATIONS);
}

export default {handle};
