// Paths and methods: one table holds everything that the proxy answers and allows. It names the operations; those of api/ have
// their functions.
import errors from 'http/errors.js';

const ROUTES = {
    '/': {GET: 'service'},
    '/api/v1/compare': {POST: 'compare'},
    '/api/v1/faces': {POST: 'faces'},
    '/api/v1/health': {GET: 'health'},
    '/api/v1/health/live': {GET: 'live'},
    '/api/v1/health/ready': {GET: 'ready'},
    '/api/v1/models': {GET: 'models'},
    '/api/v1/models/{name}/ready': {GET: 'modelReady'},
    '/api/v1/predict': {POST: 'predict'},
    '/metrics': {GET: 'metrics'},
    '/v2': {GET: 'oipServer'},
    '/v2/health/live': {GET: 'oipLive'},
    '/v2/health/ready': {GET: 'oipReady'},
    '/v2/models/{name}': {GET: 'oipModel'},
    '/v2/models/{name}/infer': {POST: 'oipInfer'},
    '/v2/models/{name}/ready': {GET: 'oipModelReady'},
    '/v2/models/{name}/versions/{version}': {GET: 'oipModel'},
    '/v2/models/{name}/versions/{version}/infer': {POST: 'oipInfer'},
    '/v2/models/{name}/versions/{version}/ready': {GET: 'oipModelReady'},
};

const OF_MODEL = /^\/(api\/v1|v2)\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/ready|\/infer)?$/;

/**
 * The path as the table has it: with {name} where a model is named, and {version} where a version of it is.
 * @param {string} path
 */
function pattern(path) {
    const found = ROUTES[path] === undefined ? OF_MODEL.exec(path) : null;
    return found === null ? path
        : `/${found[1]}/models/{name}${found[3] === undefined ? '' : '/versions/{version}'}${found[4] || ''}`;
}

/**
 * The model that a path names, and the version of it, if any.
 * @param {string} path  decoded, one that the table has with {name}
 * @returns {{name: string, version?: string}}
 */
function modelOf(path) {
    const found = OF_MODEL.exec(path);
    return {name: found[2], version: found[3]};
}

// What a page of a listed origin may send: all that it asks for, as with credentials a "*" would not mean all.
// https://fetch.spec.whatwg.org/#http-access-control-allow-headers
const HEADERS = 'Content-Type, X-Request-ID, X-Request-Deadline-Ms, Authorization, X-API-Key';

/**
 * The methods of a path for Allow, '' for an unknown path. GET brings HEAD.
 * @param {string} path
 */
function allowed(path) {
    const methods = Object.keys(ROUTES[pattern(path)] || {});
    if (methods.length === 0) {
        return '';
    }
    return methods.join(', ').replace('GET', 'GET, HEAD') + ', OPTIONS';
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Object<string, (r: NginxHTTPRequest) => void | Promise<void>>} operations  the functions by the table's names
 */
function handle(r, operations) {
    const route = ROUTES[pattern(r.uri)];
    if (r.method === 'OPTIONS') {
        return options(r);
    }
    if (route === undefined) {
        return notFound(r);
    }
    const operation = route[r.method === 'HEAD' ? 'GET' : r.method];
    return operation === undefined ? notAllowed(r) : operations[operation](r);
}

// A preflight is answered for every path: the browser then shows the 404 instead of a CORS failure.
// https://fetch.spec.whatwg.org/#cors-preflight-fetch
function options(r) {
    const isPreflight = r.headersIn['Access-Control-Request-Method'] !== undefined;
    const methods = allowed(r.uri);
    if (methods === '' && !isPreflight) {
        return notFound(r);
    }
    if (methods !== '') {
        r.headersOut['Allow'] = methods;
    }
    if (isPreflight && r.variables.cors_origin) {
        r.headersOut['Access-Control-Allow-Methods'] = methods || 'GET, HEAD, POST, OPTIONS';
        r.headersOut['Access-Control-Allow-Headers'] = r.headersIn['Access-Control-Request-Headers'] || HEADERS;
        r.headersOut['Access-Control-Max-Age'] = '600';
    }
    r.return(204);
}

function notFound(r) {
    errors.send(r, errors.failure(404, notFoundMessage(r.uri)));
}

/** @param {string} path */
function notFoundMessage(path) {
    return `There is nothing at ${errors.quote(path)}; the paths are ${Object.keys(ROUTES).join(', ')}.`;
}

function notAllowed(r) {
    const methods = allowed(r.uri);
    errors.send(r, errors.failure(405, `${r.method} is not allowed here; use ${methods}.`, {headers: {Allow: methods}}));
}

export default {allowed, handle, modelOf, notFoundMessage, pattern};
