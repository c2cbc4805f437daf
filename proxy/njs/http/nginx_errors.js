// The errors that nginx itself makes, in the API's format. They are variables, not a handler: a handler would first wait
// for the body of a request that is refused.
// https://nginx.org/en/docs/http/ngx_http_core_module.html#error_page
import errors from 'http/errors.js';
import routes from 'http/routes.js';

const HOW = 'send it as "Authorization: Bearer KEY" or "X-API-Key: KEY"';
const MESSAGES = {
    400: 'The request is not valid HTTP; check its request line, headers and chunks.',
    403: 'This address may not read this path; METRICS_ALLOW has the addresses that may.',
    408: 'The request took too long to arrive; send it again.',
    414: 'The address is too long; the API takes its input in the body.',
    431: 'The headers are too long; send fewer or shorter ones.',
    501: 'This transfer encoding is not supported; send the body as it is, or chunked.',
    505: 'This version of HTTP is not supported; use HTTP/1.1.',
};

/** @param {NginxHTTPRequest} r */
function body(r) {
    return errors.body(message(r), r.variables.request_path);
}

function message(r) {
    const status = r.variables.status;
    if (status === '403' && r.variables.is_foreign_post === '1') {
        return `Pages of ${errors.quote(r.headersIn.Origin || '')} may not post here; CORS_ORIGINS has the origins that may.`;
    }
    if (status === '400' && r.variables.pipe === 'p') {
        return 'The request was sent before the answer to the one before it had come; wait for it, or open several connections.';
    }
    if (status === '401') {
        return r.variables.rejection === 'key_missing'
            ? `A key is required; ${HOW}. Whoever runs this service can give you one.`
            : `This key is not known here: it was removed, or is not whole; ${HOW}. Whoever runs this service can give you another.`;
    }
    if (status === '413') {
        return tooLarge(r.variables);
    }
    if (status === '429') {
        return tooMany(r.variables);
    }
    if (status === '421') {
        return `The host ${errors.quote(r.variables.host)} is not served here; SERVER_NAMES has the names that are.`;
    }
    if (status === '414' && r.variables.calls_a_second) {
        return 'The address is too long; names have 128 characters at most.';
    }
    if (status === '404') {
        return routes.notFoundMessage(r.variables.request_path);
    }
    if (status === '405') {
        return `${r.variables.request.split(' ')[0]} is not allowed here; use ${allow(r)}.`;
    }
    return MESSAGES[status] || (status < '500'
        ? 'The request was refused; check its method, path and headers.'
        : 'The service failed on this request; try again, and see its log on the server if that does not help.');
}

// The limit is that of the management API (templates/management/), that of /metrics (templates/server/), or the API's.
function tooLarge(variables) {
    if (variables.calls_a_second) {
        return 'The body is larger than 1 KiB; a call has its parameters in the address, send it without a body.';
    }
    return variables.request_path === '/metrics'
        ? 'This path takes no body; send the request without one.'
        : 'The body is larger than 10 MiB; send a smaller image.';
}

// The limit is that of the management API (templates/management/), the key's own, or that of all clients.
function tooMany(variables) {
    if (variables.calls_a_second) {
        return `More than ${variables.calls_a_second} calls a second from this address; wait a second, and send fewer at a time.`;
    }
    const whose = variables.key_name ? 'key' : 'address';
    return variables.rejection === 'concurrency'
        ? `${variables.key_limit || settings.client_requests} predictions of this ${whose} are under way; `
          + 'wait for an answer before the next one.'
        : `More than ${variables.key_limit || settings.rate_limit} predictions a second from this ${whose}; `
          + 'wait a second, and send fewer at a time.';
}

/**
 * For methods that never reach a route: TRACE and CONNECT.
 * @param {NginxHTTPRequest} r
 */
function allow(r) {
    return r.variables.status === '405' ? routes.allowed(r.variables.request_path) || 'GET, HEAD, OPTIONS' : '';
}

// For requests by http:// at a port with TLS.
function httpsOnly() {
    return errors.body('This port accepts only HTTPS; write https:// instead of http:// in the address.', '');
}

export default {allow, body, httpsOnly};
