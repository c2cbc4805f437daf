// Whether a canary must be aborted, by what was counted of it. Chance must not abort a good version: a limit counts as exceeded
// when that is 95 % sure, and a few failures are none yet. A version that always fails is aborted after the third failure.
// It is judged after each prediction, and each look is another chance to err: the bounds hold for all looks together.

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

// How often a version that keeps within its limits may be aborted, however long it is tried: 5 %, divided among the three limits.
const ERROR = 0.05 / 3;
// How many shares above a limit are weighed.
const SHARES = 8;
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
    return counts.failed < LEAST_FAILURES || !isAbove(counts.failed, counts.asked, limit / 100) ? null
        : {reason: 'errors', text: `${counts.failed} of ${counts.asked} predictions failed, more than ${limit} %`};
}

function ofAnswers(limit, counts) {
    const others = counts.compared - counts.agreed;
    return others < LEAST_DISAGREEMENTS || !isAbove(others, counts.compared, limit / 100) ? null
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
 * Whether a share is sure to be above a limit: Wald's sequential test, with the mean of its likelihood ratios for some shares
 * between the limit and 1. While the true share is within the limit, that mean exceeds 1 / ERROR at any time with a
 * probability of at most ERROR.
 * https://en.wikipedia.org/wiki/Sequential_probability_ratio_test, https://en.wikipedia.org/wiki/Ville%27s_inequality
 * @param {number} found
 * @param {number} all
 * @param {number} limit
 */
function isAbove(found, all, limit) {
    if (limit >= 1) {
        return false;
    }
    // Another process may count between two looks.
    const others = Math.max(0, all - found);
    let sum = 0;
    for (let i = 0, part = 1; i < SHARES; i++, part /= 2) {
        const share = limit + (1 - limit) * part;
        const without = others === 0 ? 0 : others * Math.log((1 - share) / (1 - limit));
        sum += Math.exp(found * Math.log(share / limit) + without);
    }
    return sum / SHARES > 1 / ERROR;
}

// The lower end of the interval of how many times as long one takes, as a logarithm.
function leastRatio(counts) {
    const error = Math.sqrt(variance(counts.tried) / counts.tried.count + variance(counts.serving) / counts.serving.count);
    return counts.tried.sum / counts.tried.count - counts.serving.sum / counts.serving.count
        - deviations(Math.min(counts.tried.count, counts.serving.count)) * error;
}

/**
 * How many standard errors a mean of so many values may be off at any time: Robbins' normal mixture, one-sided.
 * https://doi.org/10.1214/aoms/1177696786
 * @param {number} count
 */
function deviations(count) {
    return Math.sqrt((1 + LEAST_TIMES / count) * Math.log((1 + count / LEAST_TIMES) / Math.pow(2 * ERROR, 2)));
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

export default {of, typical};
