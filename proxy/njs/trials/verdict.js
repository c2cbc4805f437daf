// Whether a canary must be aborted, by what was counted of it. Chance must not abort a good version: a limit counts as exceeded
// when that is 95 % sure, and a few failures are none yet. A version that always fails is aborted after the third failure.

/**
 * Times of answers, by their natural logarithms, so that a few slow ones do not decide: how many, their sum, and that of
 * their squares.
 * @typedef {{count: number, sum: number, squares: number}} Times
 * @typedef {Object} Counts
 * @property {number} asked  predictions that the canary had to answer
 * @property {number} failed  those among them that the version that serves had to answer
 * @property {number} compared  pictures that both versions answered
 * @property {number} agreed  those with the same most probable label
 * @property {Times} tried  of the canary
 * @property {Times} serving  of the version that serves
 * @typedef {{errors: number, slower: number, disagreement: number}} Limits  percent, times, percent
 * @typedef {{reason: string, text: string}} Verdict  the reason: errors, latency or disagreement
 */

// One-sided, 95 %.
const Z = 1.645;
const LEAST_FAILURES = 3;
const LEAST_DISAGREEMENTS = 5;
const LEAST_TIMES = 20;

/**
 * Why to abort, null if there is no reason to.
 * @param {Limits} limits
 * @param {Counts} counts
 * @returns {Verdict | null}
 */
function of(limits, counts) {
    return ofErrors(limits.errors, counts) || ofLatency(limits.slower, counts) || ofAnswers(limits.disagreement, counts);
}

function ofErrors(limit, counts) {
    return counts.failed < LEAST_FAILURES || leastShare(counts.failed, counts.asked) * 100 <= limit ? null
        : {reason: 'errors', text: `${counts.failed} of ${counts.asked} predictions failed, more than ${limit} %`};
}

function ofAnswers(limit, counts) {
    const others = counts.compared - counts.agreed;
    return others < LEAST_DISAGREEMENTS || leastShare(others, counts.compared) * 100 <= limit ? null
        : {reason: 'disagreement', text: `it answered ${others} of ${counts.compared} pictures otherwise than the version that serves, more than ${limit} %`};
}

function ofLatency(limit, counts) {
    if (counts.tried.count < LEAST_TIMES || counts.serving.count < LEAST_TIMES || Math.exp(leastRatio(counts)) <= limit) {
        return null;
    }
    const times = typical(counts.tried) / typical(counts.serving);
    return {reason: 'latency', text: `it takes ${times.toFixed(1)} times as long as the version that serves, more than ${limit} times`};
}

/**
 * The lower end of Wilson's interval of a share.
 * https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
 * @param {number} found
 * @param {number} all
 */
function leastShare(found, all) {
    // Another process may count between two looks.
    const share = Math.min(1, found / all);
    const square = Z * Z;
    return (share + square / (2 * all) - Z * Math.sqrt((share * (1 - share) + square / (4 * all)) / all)) / (1 + square / all);
}

// The lower end of the interval of how many times as long one takes, as a logarithm.
function leastRatio(counts) {
    const error = Math.sqrt(variance(counts.tried) / counts.tried.count + variance(counts.serving) / counts.serving.count);
    return counts.tried.sum / counts.tried.count - counts.serving.sum / counts.serving.count - Z * error;
}

function variance(times) {
    return Math.max(0, (times.squares - times.sum * times.sum / times.count) / (times.count - 1));
}

/**
 * The geometric mean, milliseconds; 0 without any.
 * @param {Times} times
 */
function typical(times) {
    return times.count === 0 ? 0 : Math.exp(times.sum / times.count);
}

export default {leastShare, of, typical};
