// Entries of the catalogue that are the mean of other models' answers. scripts/ensembles.py checks them; since models.json
// may be changed while the proxy runs, what it would refuse is refused here too, as a model that is not served.
import clock from 'counting/clock.js';
import emotions from 'models/emotions.js';
import lifecycle from 'models/lifecycle.js';
import state from 'models/state.js';

/** @typedef {import('models/state.js').Model} Model */
/**
 * @typedef {Object} Entry
 * @property {string[]} ensemble  its members
 * @property {number[]} [weights]  of the members, in their order
 * @property {'refuse' | 'answer'} [missing]  what to do without one of them
 * @property {string[]} [emotions]
 * @property {Object<string, Object<string, string>>} [labels_of]  for a member, what its labels mean
 */

/** @param {string} name */
function isEnsemble(name) {
    return state.model(name).members !== undefined;
}

/**
 * The networks behind some models, each once.
 * @param {string[]} names
 * @returns {string[]}
 */
function networks(names) {
    const found = names.reduce((all, name) => all.concat(state.model(name).members || [name]), []);
    return found.filter((name, index) => found.indexOf(name) === index);
}

/**
 * An entry with what may be left out of it: labels, and the two keys that every other model has.
 * @param {Entry} entry
 * @param {Object<string, any>} entries
 */
function completed(entry, entries) {
    const members = Array.isArray(entry.ensemble) ? entry.ensemble.map((name) => entries[name] || {}) : [];
    const datasets = members.map((member) => member.dataset);
    return Object.assign({
        architecture: 'Ensemble',
        dataset: datasets.filter((dataset, index) => datasets.indexOf(dataset) === index).join(', '),
        emotions: (members[0] || {}).emotions || [],
        missing: 'refuse',
    }, entry);
}

/**
 * The ensemble's label that a member's means, undefined for none.
 * @param {Entry} entry
 * @param {string} member
 * @param {string} label
 * @returns {string | undefined}
 */
function labelOf(entry, member, label) {
    const meant = ((entry.labels_of || {})[member] || {})[label] || label;
    return entry.emotions.includes(meant) ? meant
        : entry.emotions.find((own) => emotions.of(own) === emotions.of(meant));
}

/**
 * Weights that add up to one, of those members that answered.
 * @param {Entry} entry
 * @param {string[]} members
 * @returns {number[]}
 */
function weights(entry, members) {
    const given = members.map((member) => (entry.weights ? entry.weights[entry.ensemble.indexOf(member)] : 1));
    const total = given.reduce((sum, weight) => sum + weight, 0);
    return given.map((weight) => weight / total);
}

/**
 * Record what an ensemble is, by its entry and its members.
 * @param {string} name
 * @param {Entry} entry
 * @param {Object<string, any>} entries
 */
function record(name, entry, entries) {
    const error = problem(entry, entries);
    const members = error === '' ? entry.ensemble.map(state.model) : [];
    const ready = members.filter((member) => lifecycle.isReady(member) && member.error === '');
    const enough = entry.missing === 'answer' ? ready.length > 0 : ready.length === members.length;
    const unready = members.find((member) => !lifecycle.isReady(member));
    state.setModel(name, /** @type {Model} */ ({
        archive: name.replace(/\+/g, 'plus'), built: true, error, described: {}, gpu: false, since: clock.now(), pids: [],
        served: false,
        stand_in: members.some((member) => member.stand_in),
        state: enough || unready === undefined ? 'ready' : unready.state,
        members: error === '' ? entry.ensemble : [],
        missing: entry.missing,
    }));
}

function problem(entry, entries) {
    const names = Array.isArray(entry.ensemble) ? entry.ensemble : [];
    const others = names.filter((name) => entries[name] === undefined || entries[name].ensemble !== undefined);
    if (names.length === 0 || others.length > 0) {
        return `its members must be models of models.json, not ${others.join(', ') || 'none'}; correct its entry.`;
    }
    const wrong = entry.weights !== undefined
        && (!Array.isArray(entry.weights) || entry.weights.length !== names.length || entry.weights.some((weight) => !(weight > 0)));
    return wrong ? 'it needs a weight above 0 for each member; correct its entry in models.json.' : '';
}

export default {completed, isEnsemble, labelOf, networks, record, weights};
