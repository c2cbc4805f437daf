// Which clients the second version of a model answers: always the same ones, whichever process of nginx asks.

// What a share is counted in: hundredths of a percent.
const PARTS = 10000;

/**
 * A number from 0 to 2³² - 1 that looks random: FNV-1a, and the end of MurmurHash3, without which names that differ in their
 * last letter only would fall close together.
 * http://www.isthe.com/chongo/tech/comp/fnv/
 * @param {string} text
 * @returns {number}
 */
function hash(text) {
    let value = 0x811c9dc5;
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i++) {
        value = Math.imul(value ^ bytes[i], 0x01000193);
    }
    value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
    return (value ^ (value >>> 16)) >>> 0;
}

/**
 * Whether a client is among the percentage. Who is among 5 % is among 20 % too; another version gets other clients.
 * @param {string} client
 * @param {string} model
 * @param {string} version
 * @param {number} percent
 * @returns {boolean}
 */
function isChosen(client, model, version, percent) {
    return hash(`${model} ${version} ${client}`) % PARTS < Math.round(percent * PARTS / 100);
}

export default {hash, isChosen};
