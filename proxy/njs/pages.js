// The errors nginx itself makes (error_page), in the contract's shape.
// https://nginx.org/en/docs/http/ngx_http_core_module.html#error_page
import errors from 'errors.js';
import routes from 'routes.js';

const SENTENCES = {
    400: 'The request is not valid HTTP; check its request line and headers.',
    404: 'There is nothing at this path.',
    408: 'The request took too long to arrive; send it again.',
    411: 'The request has no Content-Length; send one.',
    413: 'The body is larger than 10 MiB; send a smaller image.',
    414: 'The address is too long; the API takes its input in the body.',
    421: 'This host is not served here; check the Host header.',
    429: 'Too many requests from this address; wait a second and send fewer.',
    431: 'The headers are too large; send fewer or shorter ones.',
    501: 'This transfer encoding is not supported; send the body as it is, or chunked.',
    503: 'The service is not available; try again shortly.',
    505: 'This version of HTTP is not supported; use HTTP/1.1.',
};

function page(r) {
    const status = Number(r.variables.status);
    if (status === 405) {
        return notAllowed(r);
    }
    const wait = {429: '1', 503: '2'}[status];
    const sentence = SENTENCES[status] || (status < 500
        ? 'The request was refused; check its method, path and headers.'
        : 'The request failed inside the service; try again, and see the log on the server if it fails again.');
    errors.send(r, status, sentence, wait === undefined ? {} : {'Retry-After': wait});
}

// TRACE and CONNECT never reach a route.
function notAllowed(r) {
    const path = (r.variables.request_uri || '/').split('?')[0];
    const methods = routes.allowed(path) || 'GET, HEAD, OPTIONS';
    errors.send(r, 405, `${r.variables.request_method} is not allowed here; use ${methods}.`, {Allow: methods});
}

export default {page};
