// How much memory there is and how much of it is left: the container's if it has a limit, else the machine's. Which files
// tell of the container, scripts/cgroup.py found out. What TorchServe has in a container of its own is not seen from here.
import fs from 'fs';

function contents(path) {
    try {
        return fs.readFileSync(path, 'utf8');
    } catch (error) {
        return '';
    }
}

function field(text, pattern) {
    const found = pattern.exec(text);
    return found === null ? 0 : Number(found[1]);
}

/**
 * In bytes, null where it is not seen.
 * @returns {{limit: number, available: number} | null}
 */
function read() {
    if (!settings.same_container) {
        return null;
    }
    const machine = contents('/proc/meminfo');
    const total = field(machine, /^MemTotal:\s+(\d+) kB$/m) * 1024;
    const free = field(machine, /^MemAvailable:\s+(\d+) kB$/m) * 1024;
    if (total === 0) {
        return null;
    }
    const group = settings.memory;
    const limit = group === null ? 0 : field(contents(group.limit), /^(\d+)$/m);
    if (limit === 0 || limit >= total) {
        return {limit: total, available: free};
    }
    // Unused pages of files are freed when memory is short.
    const used = field(contents(group.use), /^(\d+)$/m) - field(contents(group.stat), new RegExp(`^${group.idle} (\\d+)$`, 'm'));
    return {limit, available: Math.min(free, limit - used)};
}

export default {read};
