// Waiting for replies, or for the sign that there will be none.

/**
 * Resolves to the first of the replies, or to null once none is to be expected any more.
 * @param {Promise<NginxHTTPRequest>[]} replies
 * @param {() => boolean} isLost  asked again and again
 * @param {number} interval  between two times, in milliseconds
 * @returns {Promise<NginxHTTPRequest | null>}
 */
async function firstReply(replies, isLost, interval) {
    let timer;
    /** @type {Promise<null>} */
    const loss = new Promise((resolve) => {
        function check() {
            timer = isLost() ? undefined : setTimeout(check, interval);
            if (timer === undefined) {
                resolve(null);
            }
        }
        timer = setTimeout(check, interval);
    });
    try {
        return await Promise.race(replies.concat(/** @type {any} */ (loss)));
    } finally {
        // To clear a timer that is over crashes njs.
        if (timer !== undefined) {
            clearTimeout(timer);
        }
    }
}

export default firstReply;
