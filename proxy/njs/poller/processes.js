// Whether a process of this nginx has ended since the last round: what it had under way is not taken off the counts.
import fs from 'fs';
import admission from 'models/admission.js';
import bodies from 'http/bodies.js';
import state from 'models/state.js';
import trials from 'trials/trials.js';

const KEY = 'processes';

function look() {
    const before = state.read(KEY) || [];
    const now = processes();
    if (before.some((pid) => !now.includes(pid))) {
        bodies.forgetOthers(now);
        admission.startAnew();
        trials.forgetBackground();
    }
    if (now.join() !== before.join()) {
        state.write(KEY, now);
    }
}

// https://man7.org/linux/man-pages/man5/proc_pid_task_tid_children.5.html; none where the kernel does not tell.
function processes() {
    try {
        return fs.readFileSync(`/proc/${process.ppid}/task/${process.ppid}/children`, 'utf8').split(' ').filter((pid) => pid !== '');
    } catch (error) {
        return [];
    }
}

export default {look};
