// What TorchServe's reply of a second version is worth.
import record from 'http/record.js';

/**
 * answered; refused: the image is at fault, if the version that serves says so too; failed; late; other_labels: those of the
 * version that serves are wanted; unavailable: the version could not be asked, its client has left,
 * or others' large images came first, which says nothing of it.
 * @typedef {'answered' | 'refused' | 'failed' | 'late' | 'other_labels' | 'unavailable'} Result
 */

const NOT_COMPUTED = [408, 410, 425];
// Not the version's fault: TorchServe is being started again, its queue is full, or no worker is there for a moment.
const PASSING = [400, 404, 502, 503];

/**
 * @param {number} status
 * @param {string} text
 * @param {string} version  the one that was asked
 * @param {string[] | undefined} labels  of the version that serves, if they are known
 * @returns {Result}
 */
function result(status, text, version, labels) {
    const body = parsed(text);
    if (NOT_COMPUTED.includes(status)) {
        return 'unavailable';
    }
    if (body === null || typeof body.success !== 'boolean' || status === 502 || status === 504) {
        return ofTorchServe(status, text);
    }
    if (status !== 200) {
        return status < 500 ? 'refused' : 'failed';
    }
    if (body.version !== version || body.success !== true) {
        return 'failed';
    }
    return predictionsOf(body).every((predictions) => isOf(predictions, labels)) ? 'answered' : 'other_labels';
}

function ofTorchServe(status, text) {
    if (status === 504) {
        return 'late';
    }
    return PASSING.includes(status) && !/Prediction failed|Worker died/.test(text) ? 'unavailable' : 'failed';
}

// Of the picture, or of each face in it.
function predictionsOf(body) {
    return Array.isArray(body.faces) ? body.faces.map((face) => face.predictions) : [body.predictions];
}

function isOf(predictions, labels) {
    if (predictions === null || typeof predictions !== 'object') {
        return false;
    }
    const own = Object.keys(predictions);
    return labels === undefined ? own.length > 0 : own.length === labels.length && labels.every((label) => own.includes(label));
}

/**
 * The most probable label; null of an answer about faces.
 * @param {string} text
 * @returns {string | null}
 */
function top(text) {
    const body = parsed(text);
    return body !== null && typeof body.top_emotion === 'string' ? body.top_emotion : null;
}

/**
 * How long decoding and inference took for the batch of an answer, milliseconds; null if its worker does not say.
 * @param {string | null | undefined} report  X-Prediction-Report
 * @returns {number | null}
 */
function work(report) {
    const said = record.readReport(report || '');
    return typeof said.inference === 'number' ? ((said.decode || 0) + said.inference) * 1000 : null;
}

function parsed(text) {
    try {
        const body = JSON.parse(text);
        return typeof body === 'object' ? body : null;
    } catch (error) {
        return null;
    }
}

export default {result, top, work};
