// Which function answers which operation on a balancer, which has nodes in the place of TorchServe (nodes/); see api/.
import health from 'describe/health.js';
import metrics from 'nodes/metrics.js';
import models from 'describe/models.js';
import nodes from 'nodes/operations.js';
import oipServer from 'oip/server.js';
import ready from 'describe/ready.js';
import service from 'describe/service.js';
import turns from 'http/turns.js';

const OPERATIONS = {
    compare: nodes.ofSeveral,
    faces: nodes.ofForm,
    health: health.show,
    live: health.live,
    metrics: metrics.show,
    modelReady: ready.ofModel,
    models: models.show,
    oipInfer: nodes.ofPath,
    oipLive: oipServer.live,
    oipModel: nodes.ofPath,
    oipModelReady: nodes.ofPath,
    oipReady: oipServer.ready,
    oipServer: oipServer.show,
    predict: nodes.ofForm,
    ready: ready.ofService,
    service: service.show,
};

/** @param {NginxHTTPRequest} r */
function handle(r) {
    return turns.handle(r, OPERATIONS);
}

export default {handle};
