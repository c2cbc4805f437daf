// Rotation of the access log, by the poller: proxy-access.log, .1, … .5, the oldest is overwritten.
import fs from 'fs';

const MAX_BYTES = 20 * 1024 * 1024;
const KEPT = 5;

function rotate() {
    if (size(settings.access_log) < MAX_BYTES) {
        return;
    }
    try {
        for (let number = KEPT - 1; number > 0; number--) {
            if (size(numbered(number)) > 0) {
                fs.renameSync(numbered(number), numbered(number + 1));
            }
        }
        fs.renameSync(settings.access_log, numbered(1));
    } catch (error) {
        ngx.log(ngx.WARN, `the log is not rotated: ${error.message}`);
    }
}

function numbered(number) {
    return `${settings.access_log}.${number}`;
}

// In bytes, 0 for a file that does not exist.
function size(path) {
    try {
        return fs.statSync(path).size;
    } catch (error) {
        return 0;
    }
}

export default {rotate};
