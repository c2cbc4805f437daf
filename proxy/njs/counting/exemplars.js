// For each bucket of a histogram the latest request whose trace somebody keeps: an exemplar.
// https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars

function dictionary() {
    return ngx.shared.exemplars;
}

/**
 * @param {string} bucket  its key in counters.js
 * @param {string} trace
 * @param {number} value
 */
function note(bucket, trace, value) {
    const text = `{trace_id="${trace}"} ${value} ${Date.now() / 1000}`;
    dictionary().set(bucket, /** @type {any} */ (text));
}

/**
 * As OpenMetrics writes them, by bucket.
 * @returns {Object<string, string>}
 */
function all() {
    /** @type {Object<string, string>} */
    const found = {};
    dictionary().items().forEach((item) => {
        found[item[0]] = String(item[1]);
    });
    return found;
}

export default {all, note};
