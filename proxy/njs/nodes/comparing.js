// POST /api/v1/compare where no node has all of the models, as when each architecture has nodes of its own: each node compares
// those that it has, at the same time, and this is one answer again.
import agreement from 'predict/agreement.js';
import answers from 'http/answers.js';
import asking from 'nodes/asking.js';
import choosing from 'nodes/choosing.js';
import contentType from 'predict/content_type.js';
import errors from 'http/errors.js';
import known from 'nodes/known.js';
import results from 'predict/results.js';

/** @typedef {import('predict/results.js').Result} Result */

/**
 * Whether a node has all of the models.
 * @param {string[]} names
 */
function isWhole(names) {
    return groups(names).length === 1;
}

/**
 * The models by the nodes that are to be asked for them, each model once; those that no node can be asked for are the last group.
 * @param {string[]} names
 * @returns {string[][]}
 */
function groups(names) {
    const found = [];
    let left = names;
    while (left.length > 0) {
        const choice = choosing.next(left, []);
        const covered = choice === null ? left : coveredBy(choice, left);
        found.push(covered);
        left = left.filter((name) => !covered.includes(name));
    }
    return found;
}

function coveredBy(choice, names) {
    return names.filter((name) => known.places(name)[choice.level].includes(choice.index));
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Buffer} file
 * @param {string[]} names
 */
async function compare(r, file, names) {
    const boundary = contentType.read(r.headersIn['Content-Type']).boundary;
    const parts = await Promise.all(groups(names).map(async (group) => read(group, await asking.ask(r, group, form(boundary, file, group)))));
    const found = parts.reduce((all, part) => all.concat(part), []);
    const inOrder = names.map((name) => found.find((result) => result.model === name));
    const answered = inOrder.filter((result) => result.success);
    if (answered.length > 0) {
        return answers.json(r, 200, {success: true, results: inOrder, agreement: agreement.of(answered)});
    }
    errors.send(r, results.overall(inOrder));
}

// For a part of the models. The file has no line that its client's boundary begins.
function form(boundary, file, names) {
    const head = (disposition) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`;
    const models = names.map((name) => `\r\n${head('name="model"')}${name}`).join('');
    return Buffer.concat([Buffer.from(head('name="file"; filename="image"')), file, Buffer.from(`${models}\r\n--${boundary}--\r\n`)]);
}

/**
 * @param {string[]} names
 * @param {import('nodes/asking.js').Outcome} outcome
 * @returns {Result[]}
 */
function read(names, outcome) {
    if (outcome.failure) {
        return names.map((name) => results.read(name, {failure: outcome.failure}));
    }
    const answer = JSON.parse(outcome.reply.responseText);
    if (outcome.reply.status === 200) {
        return answer.results;
    }
    const wait = outcome.reply.headersOut['Retry-After'];
    const failure = errors.failure(outcome.reply.status, answer.error, wait === undefined ? {} : {retryAfter: Number(wait)});
    return names.map((name) => results.read(name, {failure}));
}

export default {compare, isWhole};
