// Sends the answers that njs makes.

/**
 * @param {NginxHTTPRequest} r
 * @param {number} status
 * @param {unknown} value  sent as JSON
 */
function json(r, status, value) {
    send(r, status, JSON.stringify(value), {});
}

/**
 * Send text, JSON unless the headers say otherwise; a client that has left is only logged.
 * @param {NginxHTTPRequest} r
 * @param {number} status
 * @param {string | Buffer} text
 * @param {Object<string, string>} headers
 */
function send(r, status, text, headers) {
    Object.assign(r.headersOut, {'Content-Type': 'application/json'}, headers);
    try {
        r.return(status, /** @type {any} */ (text));
    } catch (error) {
        if (!/send response/.test(error.message)) {
            throw error;
        }
        r.log(`request ${r.variables.request_identifier}: the client left before its answer.`);
    }
}

export default {json, send};
