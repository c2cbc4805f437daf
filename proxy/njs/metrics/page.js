// GET /metrics for Prometheus: what the proxy counted and sees of the models, and TorchServe's own metrics.
import answers from 'http/answers.js';
import catalogue from 'models/catalogue.js';
import exemplars from 'counting/exemplars.js';
import exposition from 'metrics/exposition.js';
import series from 'metrics/series.js';
import state from 'models/state.js';

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text';
const OPEN_METRICS_TYPE = `${OPEN_METRICS}; version=1.0.0; charset=utf-8`;

/** @param {NginxHTTPRequest} r */
async function show(r) {
    const theirs = await torchserve();
    if (wantsOpenMetrics(r.headersIn['Accept'] || '')) {
        const ours = exposition.openMetrics(series.all(), exemplars.all());
        answers.send(r, 200, `${ours}${openMetrics(theirs)}# EOF\n`, {'Content-Type': OPEN_METRICS_TYPE});
        return;
    }
    answers.send(r, 200, exposition.text(series.all()) + theirs, {'Content-Type': TYPE});
}

// https://www.rfc-editor.org/rfc/rfc9110#name-accept
function wantsOpenMetrics(accept) {
    return accept.split(',').some((range) => {
        const parts = range.split(';').map((part) => part.trim().toLowerCase());
        return parts[0] === OPEN_METRICS && !parts.some((part) => /^q=0(\.0*)?$/.test(part));
    });
}

// TorchServe's metrics in OpenMetrics: there each counter's samples end in _total, and its family's name does not. No comma may
// follow the last label.
function openMetrics(text) {
    return text.split('\n').map((line) => {
        if (!line.startsWith('# ')) {
            return line.replace(',} ', '} ');
        }
        const words = line.split(' ');
        const isCounter = words[2].endsWith('_total');
        words[2] = isCounter ? words[2].slice(0, -'_total'.length) : words[2];
        words[3] = words[1] === 'TYPE' && words[3] === 'counter' && !isCounter ? 'unknown' : words[3];
        return words.join(' ');
    }).join('\n');
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
