// GET /metrics of a balancer: what it counted, and what it sees of its nodes. Their own metrics are at their own addresses.
import answers from 'http/answers.js';
import catalogue from 'models/catalogue.js';
import counters from 'counting/counters.js';
import exposition from 'metrics/exposition.js';
import known from 'nodes/known.js';
import readiness from 'models/readiness.js';
import underWay from 'nodes/under_way.js';

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const OUTCOMES = ['answered', 'late', 'left', 'lost', 'refused', 'silent'];

/** @param {NginxHTTPRequest} r */
function show(r) {
    /** @type {Object<string, number>} */
    const values = {};
    const set = (name, labels, value) => {
        values[counters.series(name, labels)] = Number(value);
    };
    known.all().forEach((index) => {
        const node = known.nameOf(index);
        OUTCOMES.forEach((outcome) => set('emotion_node_requests_total', {node, outcome}, 0));
        set('emotion_node_up', {node}, known.isUp(index));
        set('emotion_node_requests_in_flight', {node}, underWay.total(index));
    });
    const names = catalogue.names();
    names.forEach((model) => {
        set('emotion_model_ready', {model}, readiness.isLoaded(model));
        set('emotion_model_nodes', {model}, known.places(model).ready.filter(known.isUp).length);
    });
    set('emotion_models_available', {}, names.length);
    set('emotion_models_loaded', {}, readiness.loaded().length);
    set('emotion_build_info', {version: settings.version}, 1);
    counters.all().forEach((item) => {
        values[item[0]] = item[1];
    });
    answers.send(r, 200, exposition.text(values), {'Content-Type': TYPE});
}

export default {show};
