// What several models agree on. Labels that mean the same emotion count as one.
import emotions from 'models/emotions.js';

/** @typedef {import('predict/results.js').Result} Result */
/** @typedef {{top_emotion: string, models: number, of: number, stand_in?: boolean}} Agreement */

/**
 * The emotion that most models see; of two with as many, that of the greater confidences.
 * @param {Result[]} answered  one at least
 * @returns {Agreement}
 */
function of(answered) {
    const counted = voters(answered);
    const votes = {};
    counted.forEach((result) => {
        const emotion = emotions.of(result.top_emotion);
        votes[emotion] = votes[emotion] || {models: 0, confidence: 0};
        votes[emotion].models += 1;
        votes[emotion].confidence += result.confidence;
    });
    const top = Object.keys(votes).sort((one, other) => votes[other].models - votes[one].models
        || votes[other].confidence - votes[one].confidence)[0];
    return Object.assign(
        {top_emotion: top, models: votes[top].models, of: counted.length},
        counted.some((result) => result.stand_in) ? {stand_in: true} : {}
    );
}

// Stand-ins only count among themselves; an ensemble's members would count twice with it.
function voters(answered) {
    const real = answered.filter((result) => !result.stand_in);
    const candidates = real.length > 0 ? real : answered;
    const single = candidates.filter((result) => result.members === undefined);
    return single.length > 0 ? single : candidates;
}

export default {of};
