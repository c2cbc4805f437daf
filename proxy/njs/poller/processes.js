// Whether a process of this nginx has ended since the last round: what it had under way is not taken off the counts.
import comparisons from 'access/comparisons.js';
import fs from 'fs';
import places from 'models/places.js';
import state from 'models/state.js';
import trials from 'trials/trials.js';
import underWay from 'counting/under_way.js';

/**
 * Returns the processes that there are.
 * @returns {string[]}
 */
function look() {
    const before = state.read(underWay.PROCESSES) || [];
    const now = children();
    if (now.length === 0 || now.join() === before.join()) {
        return now;
    }
    state.write(underWay.PROCESSES, now);
    forgetOthers(now);
    if (before.some((pid) => !now.includes(pid))) {
        places.startAnew();
        trials.forgetBackground();
    }
    return now;
}

// All that is counted by process: http/bodies.js, counting/gauges.js, access/.
function forgetOthers(processes) {
    [ngx.shared.bodies, ngx.shared.clients, ngx.shared.gauges].forEach((dictionary) => underWay.forgetOthers(dictionary, processes));
    underWay.forgetOthers(ngx.shared.comparisons, processes.concat(comparisons.PAID));
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

export default {look};
