// Waiting, while the process does other things.

/**
 * @param {number} ms  0: after what is already due
 * @returns {Promise<void>}
 */
function pause(ms) {
    return new Promise((resolve) => {
        setTimeout(() => resolve(undefined), ms);
    });
}

export default pause;
