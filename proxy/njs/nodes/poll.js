// Once a second: what each node says of its models, into the shared dictionary, in the place of what a stack's own poller asks
// TorchServe (poller/poll.js). So what describes models and health is the same for both.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_periodic
import disk from 'poller/disk.js';
import fs from 'fs';
import known from 'nodes/known.js';
import processes from 'poller/processes.js';
import rotation from 'poller/rotation.js';
import union from 'nodes/union.js';
import underWay from 'nodes/under_way.js';

// A busy machine may miss a round.
const MISSES = 2;
const REFUSED = 'no connection';
// Of nginx (templates/nodes/server.conf.j2), and of a node.
const NO_CONNECTION = 502, NO_ANSWER = 504, NO_KEY = 401;
// The second is that of a node without a model that is READY.
const ANSWERS = [200, 503];

async function poll() {
    rotation.rotate();
    disk.probe();
    underWay.keepOnly(processes.look());
    const headers = Object.assign({Host: 'nodes'}, keyHeaders());
    await Promise.all(known.all().map((index) => look(index, headers)));
    union.record();
}

async function look(index, headers) {
    try {
        // One after the other: of a node that is down, nginx then writes one line a second into the log.
        const models = await read(index, 'models', headers);
        const health = await read(index, 'health', headers);
        union.note(index, {models: models.models, loaded: models.loaded_models, gpu: health.device === 'cuda'});
        known.dictionary().delete(`misses ${index}`);
        known.setState(index, 'up');
    } catch (error) {
        missed(index, error);
    }
}

async function read(index, what, headers) {
    const reply = await ngx.fetch(`${settings.nodes_url}${index}/${what}`, {headers});
    switch (reply.status) {
    case NO_CONNECTION:
        throw new Error(REFUSED);
    case NO_ANSWER:
        throw new Error('no answer in time');
    case NO_KEY:
        throw new Error('it wants a key that it knows; NODES_KEY_FILE should have one');
    }
    if (!ANSWERS.includes(reply.status)) {
        throw new Error(`it answered ${reply.status}`);
    }
    return JSON.parse(await reply.text());
}

// No answer in time may be that of a machine that is busy; nobody to take the connection is clear at once.
function missed(index, error) {
    const misses = Number(known.dictionary().get(`misses ${index}`) || 0) + 1;
    known.dictionary().set(`misses ${index}`, String(misses));
    const isClear = error.message === REFUSED;
    if (isClear || misses >= MISSES) {
        known.setState(index, isClear ? 'refused' : 'silent', error.message);
    }
}

// Read each time, as all keys are.
function keyHeaders() {
    if (settings.nodes_key_file === '') {
        return {};
    }
    try {
        return {Authorization: `Bearer ${fs.readFileSync(settings.nodes_key_file, 'utf8').trim()}`};
    } catch (error) {
        ngx.log(ngx.ERR, `NODES_KEY_FILE cannot be read: ${error.message}`);
        return {};
    }
}

export default {poll};
