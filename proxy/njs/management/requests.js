// Which requests of other machines reach TorchServe's management API: each is rebuilt from checked parts.
import errors from 'http/errors.js';

/**
 * A failure, or what is asked for: the operation, the path for TorchServe, model and version if they are named, the archive
 * of the model store to verify before, how many workers are asked for, if any, whether to wait for the end, the archive
 * whose registering is asked about, and what change is wanted or asked about.
 * @typedef {{failure?: import('http/errors.js').Failure, operation?: Operation, path?: string, model?: string,
 *            version?: string, archive?: string, workers?: Workers | null, waits?: boolean, registration?: string,
 *            change?: {id: string, command: string, model: string}}} Checked
 * @typedef {'show' | 'register' | 'registration' | 'scale' | 'set-default' | 'unregister' | 'change' | 'show-change'} Operation
 * @typedef {{parameter: string, count: number, model?: string, version?: string}} Workers
 */

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$/;
const ARCHIVE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\.mar$/;
const COUNT = /^[0-9]{1,3}$/;
const YES_OR_NO = /^(true|false)$/;
const COMMAND = /^(register|unregister|scale|upgrade|rollback)$/;
const ID = /^[0-9a-f]{32}$/;
const OF_EACH_CHANGE = {command: COMMAND, model: NAME, wait: COUNT, dry_run: YES_OR_NO};
const OF_COMMANDS = {
    register: {workers: COUNT, timeout: COUNT},
    unregister: {version: NAME},
    scale: {workers: COUNT, version: NAME, timeout: COUNT},
    upgrade: {archive: ARCHIVE, timeout: COUNT},
    rollback: {timeout: COUNT},
};

const BEGINNINGS = ['models', 'registrations', 'changes'];

// Each route: method, number of segments after /models or what else it begins with, and its parameters. "set-default" is recognised by its last segment.
const ROUTES = [
    {operation: 'show', method: 'GET', length: 0, parameters: {limit: COUNT, next_page_token: COUNT}},
    {operation: 'show', method: 'GET', length: 1, parameters: {}},
    {operation: 'show', method: 'GET', length: 2, parameters: {}},
    {operation: 'register', method: 'POST', length: 0, parameters: {url: ARCHIVE, initial_workers: COUNT, synchronous: YES_OR_NO},
        required: ['url']},
    {operation: 'registration', method: 'GET', begins: 'registrations', length: 1, parameters: {}},
    {operation: 'scale', method: 'PUT', length: 1, parameters: {min_worker: COUNT, max_worker: COUNT}, required: ['min_worker']},
    {operation: 'scale', method: 'PUT', length: 2, parameters: {min_worker: COUNT, max_worker: COUNT}, required: ['min_worker']},
    {operation: 'set-default', method: 'PUT', length: 3, end: 'set-default', parameters: {}},
    {operation: 'unregister', method: 'DELETE', length: 1, parameters: {}},
    {operation: 'unregister', method: 'DELETE', length: 2, parameters: {}},
    {operation: 'change', method: 'PUT', begins: 'changes', length: 1, parameters: OF_EACH_CHANGE, required: ['command', 'model']},
    {operation: 'show-change', method: 'GET', begins: 'changes', length: 1, parameters: {}},
];

/**
 * @param {NginxHTTPRequest} r
 * @returns {Checked}
 */
function read(r) {
    const segments = r.uri.split('/').slice(1);
    const begins = segments.shift();
    if (!BEGINNINGS.includes(begins)) {
        return invalid(404, 'There is nothing at this path; only /models, /registrations and /changes are served here.');
    }
    const routes = ROUTES.filter((route) => route.length === segments.length && (route.begins || 'models') === begins
                                            && (route.end === undefined || route.end === segments[route.length - 1]));
    const route = routes.find((candidate) => candidate.method === r.method);
    if (routes.length === 0) {
        return invalid(404, 'There is nothing at this path; see docs/models.md for those of /models.');
    }
    if (route === undefined) {
        const allowed = routes.map((candidate) => candidate.method).join(', ');
        return invalid(405, `${r.method} is not allowed here; use ${allowed}.`, {headers: {Allow: allowed}});
    }
    const wrong = segments.find((segment) => !NAME.test(segment));
    if (wrong !== undefined) {
        return invalid(400, `${errors.quote(wrong)} is neither a model's name nor a version.`);
    }
    switch (begins) {
    case 'registrations':
        return registration(route, r.args, segments[0]);
    case 'changes':
        return change(route, r.args, segments[0]);
    }
    return parameters(route, r.args, segments.map(archiveName));
}

function registration(route, given, file) {
    if (!ARCHIVE.test(file)) {
        return invalid(400, `${errors.quote(file)} is not the plain file name of an archive in the model store, like X.mar.`);
    }
    const checked = parameters(route, given, []);
    return checked.failure ? checked : {operation: route.operation, path: `/registrations/${file}`, registration: file};
}

function change(route, given, id) {
    if (!ID.test(id)) {
        return invalid(400, `${errors.quote(id)} is no id of a change: 32 hexadecimal digits in small letters.`);
    }
    const checked = parameters(route.operation === 'change' ? ofCommand(route, given.command) : route, given, []);
    if (checked.failure) {
        return checked;
    }
    const path = String(checked.path).replace('/models', `/changes/${id}`);
    return {operation: route.operation, path, change: Object.assign({}, given, {id})};
}

// The route with the parameters of that command; with those of all while it is none, so that this is what is told.
function ofCommand(route, command) {
    const isKnown = typeof command === 'string' && COMMAND.test(command);
    const own = isKnown ? [command] : Object.keys(OF_COMMANDS);
    return Object.assign({}, route, {
        parameters: own.reduce((all, name) => Object.assign(all, OF_COMMANDS[name]), Object.assign({}, OF_EACH_CHANGE)),
        required: route.required.concat(command === 'scale' ? ['workers'] : []),
    });
}

function invalid(status, message, more) {
    return {failure: errors.failure(status, message, more)};
}

// Clients' names are accepted as well as TorchServe's.
function archiveName(name) {
    return name.replace(/\+/g, 'plus');
}

function parameters(route, given, segments) {
    const path = `/models${segments.map((part) => `/${part}`).join('')}`;
    const names = Object.keys(given);
    const pairs = [];
    for (let i = 0; i < names.length; i++) {
        const isKnown = Object.keys(route.parameters).includes(names[i]);
        if (!isKnown || typeof given[names[i]] !== 'string' || !route.parameters[names[i]].test(given[names[i]])) {
            return invalid(400, `The parameter ${errors.quote(names[i])} ${expectation(names[i], route)}`);
        }
        pairs.push(`${names[i]}=${given[names[i]]}`);
    }
    const missing = (route.required || []).find((name) => given[name] === undefined);
    if (missing !== undefined) {
        return invalid(400, `The parameter '${missing}' is missing.`);
    }
    if (route.operation === 'scale' && Number(given.min_worker) === 0 && Number(given.max_worker || 0) > 0) {
        return invalid(400, `max_worker=${Number(given.max_worker)}: with min_worker=0 TorchServe would forget workers without ending them; use max_worker=0.`);
    }
    if (route.operation === 'scale' || (route.operation === 'register' && given.synchronous === undefined)) {
        // Waiting would hold one of the two threads that also serve predictions.
        pairs.push('synchronous=false');
    }
    return {
        operation: route.operation,
        path: pairs.length ? `${path}?${pairs.join('&')}` : path,
        model: segments[0],
        version: segments[1],
        archive: given.url,
        waits: given.synchronous === 'true',
        workers: workers(route, given, segments),
    };
}

// The number of workers that is asked for; TorchServe starts as many as the minimum, and one where nothing is said
// (default_workers_per_model in config.properties).
function workers(route, given, segments) {
    const parameter = {register: 'initial_workers', scale: 'min_worker'}[route.operation];
    const count = parameter === undefined || given[parameter] === undefined ? '1' : given[parameter];
    return parameter === undefined ? null : {parameter, count: Number(count), model: segments[0], version: segments[1]};
}

function expectation(name, route) {
    if (name === 'url') {
        return 'must be the plain file name of an archive in the model store, like X.mar.';
    }
    if (name === 'synchronous' || name === 'dry_run') {
        return 'must be true or false.';
    }
    if (name === 'command' && route.operation === 'change') {
        return 'must be one of register, unregister, scale, upgrade and rollback.';
    }
    const allowed = Object.keys(route.parameters);
    if (['model', 'archive', 'version'].includes(name) && allowed.includes(name)) {
        return 'must be given once, as a plain name.';
    }
    if (allowed.includes(name)) {
        return 'must be given once, as a whole number.';
    }
    return `is not accepted here; ${allowed.length ? `use ${allowed.join(', ')}` : 'there are none'}.`;
}

export default {read};
