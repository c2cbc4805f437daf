// Paths and methods: everything the proxy answers is in one table, and so is what it allows.
import catalogue from 'catalogue.js';
import errors from 'errors.js';
import metrics from 'metrics.js';
import predict from 'predict.js';
import readiness from 'readiness.js';

const ROUTES = {
    '/': {GET: catalogue.root},
    '/api/v1/health': {GET: catalogue.health},
    '/api/v1/health/live': {GET: readiness.live},
    '/api/v1/health/ready': {GET: readiness.ready},
    '/api/v1/models': {GET: catalogue.models},
    '/api/v1/predict': {POST: predict.predict},
    '/metrics': {GET: metrics.show},
};

// The methods of a path for Allow, '' for an unknown path. GET brings HEAD.
function allowed(path) {
    const methods = Object.keys(ROUTES[path] || {});
    if (methods.length === 0) {
        return '';
    }
    return methods.join(', ').replace('GET', 'GET, HEAD') + ', OPTIONS';
}

function handle(r) {
    const route = ROUTES[r.uri];
    if (r.method === 'OPTIONS') {
        return options(r);
    }
    if (route === undefined) {
        return notFound(r);
    }
    const handler = route[r.method === 'HEAD' ? 'GET' : r.method];
    return handler === undefined ? notAllowed(r) : handler(r);
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
        r.headersOut['Access-Control-Allow-Headers'] = 'Content-Type, X-Request-ID';
        r.headersOut['Access-Control-Max-Age'] = '600';
    }
    r.return(204);
}

function notFound(r) {
    errors.send(r, 404, notFoundSentence(r.uri));
}

function notFoundSentence(path) {
    return `There is nothing at ${errors.quote(path)}; the paths are ${Object.keys(ROUTES).join(', ')}.`;
}

function notAllowed(r) {
    const methods = allowed(r.uri);
    errors.send(r, 405, `${r.method} is not allowed here; use ${methods}.`, {Allow: methods});
}

export default {allowed, handle, notFoundSentence};
