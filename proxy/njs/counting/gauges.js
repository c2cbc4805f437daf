// How many predictions are being answered, by model: what is counted up and down again.
import counters from 'counting/counters.js';
import underWay from 'counting/under_way.js';

const IN_FLIGHT = 'emotion_predictions_in_flight';
const HELD = 'emotion_predictions_held';

function dictionary() {
    return /** @type {any} */ (ngx.shared.gauges);
}

/**
 * @param {string} name
 * @param {string} model
 * @param {number} amount
 */
function add(name, model, amount) {
    try {
        underWay.add(dictionary(), counters.series(name, {model}), amount);
    } catch (error) {
        ngx.log(ngx.WARN, `${name} of model ${model} is not counted: ${error.message}`);
    }
}

/**
 * @param {string} name
 * @param {string} model
 */
function current(name, model) {
    return all()[counters.series(name, {model})] || 0;
}

/**
 * By their lines in the exposition.
 */
function all() {
    return underWay.all(dictionary());
}

export default {HELD, IN_FLIGHT, add, all, current};
