// Whether a process of this nginx has ended since the last round: what it had under way is not taken off the counts.
import fs from 'fs';
import bodies from 'http/bodies.js';
import places from 'models/places.js';
import state from 'models/state.js';
import trials from 'trials/trials.js';

const KEY = 'processes';

function look() {
    const before = state.read(KEY) || [];
    const now = children();
    if (before.some((pid) => !now.includes(pid))) {
        bodies.forgetOthers(now);
        places.startAnew();
        trials.forgetBackground();
    }
    if (now.join() !== before.join()) {
        state.write(KEY, now);
    }
}

/**
 * Those of this nginx that answer requests, or still end some; none where the kernel does not tell.
 * https://man7.org/linux/man-pages/man5/proc_pid_task_tid_children.5.html
 * @returns {string[]}
 */
function children() {
    try {
        return fs.readFileSync(`/proc/${process.ppid}/task/${process.ppid}/children`, 'utf8').split(' ').filter((pid) => pid !== '');
    } catch (error) {
        return [];
    }
}

export default {children, look};
