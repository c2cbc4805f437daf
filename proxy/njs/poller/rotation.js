// Rotation of the logs, by the poller: proxy-access.log, .1, … .5, the oldest is overwritten.
import fs from 'fs';

const MAX_BYTES = 20 * 1024 * 1024;
const KEPT = 5;

function rotate() {
    [settings.access_log, settings.management_log].filter((log) => size(log) >= MAX_BYTES).forEach(putAside);
}

function putAside(log) {
    try {
        for (let number = KEPT - 1; number > 0; number--) {
            if (size(`${log}.${number}`) > 0) {
                fs.renameSync(`${log}.${number}`, `${log}.${number + 1}`);
            }
        }
        fs.renameSync(log, `${log}.1`);
    } catch (error) {
        ngx.log(ngx.WARN, `${log} is not rotated: ${error.message}`);
    }
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
