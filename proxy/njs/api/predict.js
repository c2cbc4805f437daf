// POST /api/v1/predict: the fewest scripts, since it is asked most. See templates/http/njs.conf.j2.
import predict from 'predict/predict.js';
import turns from 'http/turns.js';

/** @param {NginxHTTPRequest} r */
function handle(r) {
    return turns.handle(r, {predict: predict.predict});
}

export default {handle};
