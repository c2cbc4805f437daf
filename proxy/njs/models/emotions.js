// Which emotion a label means: "happy", "Happiness" and "joy" are one. The words are those of scripts/labels.py.

/**
 * @param {string} label
 * @returns {string}
 */
function of(label) {
    const word = label.trim().toLowerCase();
    return settings.emotions[word] || word;
}

export default {of};
