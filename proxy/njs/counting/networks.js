// The predictions of a request that asks several networks: each is counted like one of its own when it is over.
import counters from 'counting/counters.js';
import gauges from 'counting/gauges.js';
import record from 'http/record.js';
import requests from 'counting/requests.js';

/**
 * @param {NginxHTTPRequest} r
 * @param {string[]} names  one for each prediction
 */
function begin(r, names) {
    r.variables.under_way = underWay(r).concat(names).join(' ');
    names.forEach((model) => gauges.add(gauges.IN_FLIGHT, model, 1));
}

/**
 * A network's prediction is over.
 * @param {NginxHTTPRequest} r
 * @param {{name: string, notes: import('predict/asking.js').Notes}} given
 * @param {number} status
 * @param {string} [rejection]
 */
function end(r, given, status, rejection) {
    const report = record.readReport(given.notes.prediction_report);
    const said = JSON.stringify(record.prediction(given.name, status, rejection, given.notes, report));
    r.variables.predictions = r.variables.predictions ? `${r.variables.predictions},${said}` : said;
    requests.countPrediction(given.name, Number(given.notes.repeats || 0), report);
    if (rejection) {
        counters.add('emotion_rejections_total', {model: given.name, reason: rejection}, 1);
    }
    const left = underWay(r);
    if (left.includes(given.name)) {
        left.splice(left.indexOf(given.name), 1);
        r.variables.under_way = left.join(' ');
        gauges.add(gauges.IN_FLIGHT, given.name, -1);
    }
}

/**
 * The request is over; its client may have left before the predictions were.
 * @param {NginxHTTPRequest} r
 */
function release(r) {
    underWay(r).forEach((model) => gauges.add(gauges.IN_FLIGHT, model, -1));
    r.variables.under_way = '';
}

// No name has a blank (scripts/catalogue.py).
function underWay(r) {
    return (r.variables.under_way || '').split(' ').filter((name) => name !== '');
}

export default {begin, end, release};
