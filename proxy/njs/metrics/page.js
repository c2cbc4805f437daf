// GET /metrics for Prometheus: what the proxy counted and sees of the models, and TorchServe's own metrics.
import answers from 'http/answers.js';
import catalogue from 'models/catalogue.js';
import exposition from 'metrics/exposition.js';
import series from 'metrics/series.js';
import state from 'models/state.js';

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** @param {NginxHTTPRequest} r */
async function show(r) {
    const theirs = await torchserve();
    answers.send(r, 200, exposition.text(series.all()) + theirs, {'Content-Type': TYPE});
}

// TorchServe's metrics, with the models' names as in models.json; nothing while it does not answer.
async function torchserve() {
    if (!state.isAnswering()) {
        return '';
    }
    try {
        const reply = await ngx.fetch(settings.metrics_url);
        return reply.status === 200 ? renamed(await reply.text()) : '';
    } catch (error) {
        return '';
    }
}

// The text is split at every quote, since replacing in it is slow in njs.
function renamed(text) {
    const names = Object.create(null);
    catalogue.names().forEach((name) => {
        names[state.model(name).archive] = name;
    });
    return text.split('"').map((piece) => names[piece] || piece).join('"');
}

export default {show};
