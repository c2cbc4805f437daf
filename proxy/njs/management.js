// TorchServe's management API for other machines: only the model routes, only archives of the model store, and a key
// for every call. What is not allowed here never reaches TorchServe: requests are made anew from checked parts.
import checksum from 'checksum.js';
import crypto from 'crypto';
import errors from 'errors.js';
import fs from 'fs';
import torchserve from 'torchserve.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$/;
const ARCHIVE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\.mar$/;
const COUNT = /^[0-9]{1,3}$/;

// Each route: method, number of segments after /models, and its parameters. "set-default" is told apart by its end.
const ROUTES = [
    {method: 'GET', length: 0, parameters: {limit: COUNT, next_page_token: COUNT}},
    {method: 'GET', length: 1, parameters: {}},
    {method: 'GET', length: 2, parameters: {}},
    {method: 'POST', length: 0, parameters: {url: ARCHIVE, initial_workers: COUNT}, required: 'url'},
    {method: 'PUT', length: 1, parameters: {min_worker: COUNT, max_worker: COUNT}, required: 'min_worker'},
    {method: 'PUT', length: 2, parameters: {min_worker: COUNT, max_worker: COUNT}, required: 'min_worker'},
    {method: 'PUT', length: 3, end: 'set-default', parameters: {}},
    {method: 'DELETE', length: 1, parameters: {}},
    {method: 'DELETE', length: 2, parameters: {}},
];

async function handle(r) {
    const key = keyName(r.headersIn['Authorization'] || '');
    r.variables.management_key = key || '-';
    r.variables.management_request = r.variables.request_path.slice(0, 300);
    if (key === null) {
        return refuse(r, 401, 'A key is required: "Authorization: Bearer KEY"; `scripts/models key add NAME` makes one.',
                      {'WWW-Authenticate': 'Bearer'});
    }
    const request = read(r);
    if (request.error) {
        return refuse(r, request.status || 400, request.error, request.headers);
    }
    r.variables.management_request = request.path;
    try {
        const problem = request.archive ? await checksum.problem(request.archive) : null;
        if (problem !== null) {
            return refuse(r, problem.status, problem.sentence);
        }
        await pass(r, request.path);
    } catch (error) {
        r.error(`management: ${error.message}`);
        refuse(r, 503, 'TorchServe does not answer; is the stack running?', {'Retry-After': '2'});
    }
}

function refuse(r, status, sentence, headers) {
    r.variables.management_result = sentence;
    errors.send(r, status, sentence, headers);
}

// The name of the key in an Authorization header, null if it is none of ours. Only hashes are stored.
function keyName(authorization) {
    const found = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(authorization);
    if (found === null) {
        return null;
    }
    const hash = crypto.createHash('sha256').update(found[1]).digest('hex');
    const keys = readKeys();
    return Object.keys(keys).find((name) => keys[name].sha256 === hash) || null;
}

// Read anew for every request, so that a removed key is refused at once.
function readKeys() {
    try {
        return JSON.parse(fs.readFileSync(settings.management_keys));
    } catch (error) {
        return {};
    }
}

// The checked request: {path, archive to verify}, or {error, status}.
function read(r) {
    const segments = r.uri.split('/').slice(1);
    if (segments.shift() !== 'models') {
        return {status: 404, error: 'There is nothing at this path; only /models is served here.'};
    }
    const routes = ROUTES.filter((route) => route.length === segments.length
                                            && (route.end === undefined || route.end === segments[route.length - 1]));
    const route = routes.find((candidate) => candidate.method === r.method);
    if (routes.length === 0) {
        return {status: 404, error: 'There is nothing at this path; see docs/models.md for those of /models.'};
    }
    if (route === undefined) {
        const allowed = routes.map((candidate) => candidate.method).join(', ');
        return {status: 405, error: `${r.method} is not allowed here; use ${allowed}.`, headers: {Allow: allowed}};
    }
    const wrong = segments.find((segment) => !NAME.test(segment));
    if (wrong !== undefined) {
        return {error: `${errors.quote(wrong)} is neither a model's name nor a version.`};
    }
    return parameters(route, r.args, `/models${segments.map((part) => `/${archiveName(part)}`).join('')}`);
}

// Clients' names are accepted as well as TorchServe's.
function archiveName(name) {
    return name.replace(/\+/g, 'plus');
}

function parameters(route, given, path) {
    const names = Object.keys(given);
    const pairs = [];
    for (let i = 0; i < names.length; i++) {
        const pattern = route.parameters[names[i]];
        if (pattern === undefined || typeof given[names[i]] !== 'string' || !pattern.test(given[names[i]])) {
            return {error: `The parameter ${errors.quote(names[i])} ${expectation(names[i], route)}`};
        }
        pairs.push(`${names[i]}=${given[names[i]]}`);
    }
    if (route.required && given[route.required] === undefined) {
        return {error: `The parameter '${route.required}' is missing.`};
    }
    if (route.method !== 'GET' && route.length < 3 && route.method !== 'DELETE') {
        // Waiting would hold one of the two threads that also carry predictions.
        pairs.push('synchronous=false');
    }
    return {path: pairs.length ? `${path}?${pairs.join('&')}` : path, archive: given.url};
}

function expectation(name, route) {
    if (name === 'url') {
        return 'must be the plain file name of an archive in the model store, like X.mar.';
    }
    const allowed = Object.keys(route.parameters);
    if (allowed.includes(name)) {
        return 'must be given once, as a whole number.';
    }
    return `is not accepted here; ${allowed.length ? `use ${allowed.join(', ')}` : 'there are none'}.`;
}

async function pass(r, path) {
    const keys = torchserve.readKeys();
    if (keys === null) {
        throw new Error('TorchServe has written no keys');
    }
    const reply = await ngx.fetch(settings.management_url + path, {
        method: r.method, headers: {Authorization: `Bearer ${keys.management}`},
    });
    const text = await reply.text();
    r.variables.management_result = r.method === 'GET' && reply.status === 200 ? 'shown' : summary(text);
    r.headersOut['Content-Type'] = 'application/json';
    r.return(reply.status, text);
}

function summary(text) {
    try {
        const answer = JSON.parse(text);
        return String(answer.status || answer.message).slice(0, 300);
    } catch (error) {
        return text.slice(0, 300);
    }
}

export default {handle};
