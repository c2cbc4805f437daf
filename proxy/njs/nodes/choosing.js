// Which node is asked next: of those that can answer for most of the models, the one with the fewest requests under way.
import known from 'nodes/known.js';
import underWay from 'nodes/under_way.js';

/** @typedef {{index: number, level: 'ready' | 'able' | 'listed'}} Choice  level: see Places in nodes/known.js */

// The first that some node meets decides. Those that only list a model say why it cannot be asked; they are asked for that
// alone, not in place of one that could answer and did not.
/** @type {('ready' | 'able' | 'listed')[]} */
const LEVELS = ['ready', 'able', 'listed'];

/**
 * @param {string[]} names  the models
 * @param {number[]} tried  the nodes that were asked before
 * @returns {Choice | null}
 */
function next(names, tried) {
    const places = names.map(known.places);
    const levels = tried.length === 0 ? LEVELS : LEVELS.slice(0, 2);
    const open = known.all().filter((index) => known.isUp(index) && !tried.includes(index));
    for (let number = 0; number < levels.length; number++) {
        const level = levels[number];
        const counts = open.map((index) => places.filter((place) => place[level].includes(index)).length);
        const most = Math.max.apply(null, counts.concat(0));
        if (most > 0) {
            return {index: leastBusy(open.filter((_, place) => counts[place] === most)), level};
        }
    }
    return null;
}

// Of equals any, so that several balancers do not all begin with the same one.
function leastBusy(indexes) {
    const totals = indexes.map(underWay.total);
    const least = Math.min.apply(null, totals);
    const equals = indexes.filter((_, place) => totals[place] === least);
    return equals[Math.floor(Math.random() * equals.length)];
}

export default {next};
