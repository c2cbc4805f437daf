// Whether the log can be written. nginx drops the lines of a log on a full disk, and goes on.
import clock from 'counting/clock.js';
import fs from 'fs';
import state from 'models/state.js';

const INTERVAL_MS = 5000;
// A block of its own on any file system.
const TEXT = ' '.repeat(8192);

let next = 0;

// Called by the poller: tries it from time to time, and notes the outcome.
function probe() {
    if (clock.now() < next) {
        return;
    }
    next = clock.now() + INTERVAL_MS;
    try {
        fs.writeFileSync(settings.log_probe, TEXT);
        // Else it would have its room even if nothing else has.
        fs.unlinkSync(settings.log_probe);
        state.write('log_writable', true);
    } catch (error) {
        state.write('log_writable', false);
        ngx.log(ngx.ERR, `the log cannot be written: ${error.message}`);
    }
}

export default {probe};
