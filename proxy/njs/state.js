// What the proxy knows of TorchServe. The poller writes it once a second; a prediction only reads it.
// https://nginx.org/en/docs/http/ngx_http_js_module.html#js_shared_dict_zone

// A worker that was READY is restarted by TorchServe; one that never was, after so many processes, does not load.
const HOPELESS_STARTS = 3;
const HOPELESS_RESTARTS = 6;
// The same for a worker that hangs, or that TorchServe no longer restarts: longer than its start may take.
const HOPELESS_MS = 180000;
// Without an answer for so long, TorchServe does not answer: a stopped JVM neither refuses a connection nor replies.
const STALE_MS = 5000;

function dictionary() {
    return ngx.shared.state;
}

function read(key) {
    const text = dictionary().get(key);
    return text === undefined ? null : JSON.parse(text);
}

function write(key, value) {
    dictionary().set(key, JSON.stringify(value));
}

// A model of the catalogue, null for any other name: {archive, built, refusal, gpu, state, since, pids, served, asked}.
// state: ready, starting, restarting (was READY), failing, idle (no worker wanted), absent (not registered).
// refusal: why the build does not let it be served. pids: the processes seen since it was last READY; since: when.
// asked: when TorchServe was asked for this.
function model(name) {
    return read(`model:${name}`);
}

function setModel(name, value) {
    write(`model:${name}`, value);
}

// The names of the catalogue in its order, null before it was read.
function names() {
    return read('names');
}

// Whether TorchServe's management API answered when it was last asked, or has not refused since.
function isUp() {
    return dictionary().get('answered') !== undefined;
}

function isFresh() {
    return Date.now() - Number(dictionary().get('answered') || 0) < STALE_MS;
}

function setAnswered(answers) {
    if (answers) {
        dictionary().set('answered', String(Date.now()));
    } else {
        dictionary().delete('answered');
    }
}

// A model as it is after TorchServe described it (null: not registered).
// Starting and failing workers look alike there (UNLOADING); only the number of their processes tells them apart.
function after(before, description) {
    const workers = description === null ? [] : description.workers || [];
    if (workers.some((worker) => worker.status === 'READY')) {
        return changed(before, 'ready', [], true, workers.some((worker) => worker.gpu));
    }
    if (workers.length === 0) {
        return changed(before, description === null ? 'absent' : 'idle', [], false, false);
    }
    const fresh = workers.map((worker) => worker.pid).filter((pid) => pid > 0 && !before.pids.includes(pid));
    const pids = before.pids.concat(fresh);
    const failing = pids.length >= (before.served ? HOPELESS_RESTARTS : HOPELESS_STARTS)
        || Date.now() - before.since > HOPELESS_MS;
    return changed(before, failing ? 'failing' : before.served ? 'restarting' : 'starting', pids, before.served, before.gpu);
}

function changed(before, state, pids, served, gpu) {
    return Object.assign({}, before, {state, pids, served, gpu, since: pids.length > 0 ? before.since : Date.now()});
}

export default {STALE_MS, after, dictionary, isFresh, isUp, model, names, read, setAnswered, setModel, write};
