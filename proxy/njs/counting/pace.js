// How long a model's worker takes for one image of a batch, by what it reports of its batches. Of a picture with faces, each is an image.

// A new batch counts for so much of the mean.
const WEIGHT = 0.2;
// One that took many times as long, since the machine stood still, moves it by no more than one of twice the mean.
const MAX_FACTOR = 2;

function dictionary() {
    return ngx.shared.admission;
}

function keyOf(model) {
    return `pace ${model}`;
}

/**
 * Seconds for an image; 0 before the first batch.
 * @param {string} model
 */
function seconds(model) {
    return Number(dictionary().get(keyOf(model)) || 0);
}

/**
 * @param {string} model
 * @param {import('http/record.js').Report} report  of a batch's first image
 */
function note(model, report) {
    const took = (report.decode + (report.inference || 0)) / (report.images || report.batch);
    const before = seconds(model);
    const mean = before === 0 ? took : before + WEIGHT * (Math.min(took, MAX_FACTOR * before) - before);
    dictionary().set(keyOf(model), /** @type {any} */ (mean));
}

export default {note, seconds};
