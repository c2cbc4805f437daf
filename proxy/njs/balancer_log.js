// When a request to a balancer is over; see log.js.
import counters from 'counting/counters.js';
import known from 'nodes/known.js';
import log from 'log.js';
import underWay from 'nodes/under_way.js';

/** @param {NginxHTTPRequest} r */
function line(r) {
    underWay.release(r).forEach((index) => {
        counters.add('emotion_node_requests_total', {node: known.nameOf(index), outcome: 'left'}, 1);
    });
    return log.line(r);
}

export default {line};
