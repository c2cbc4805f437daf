// How much memory there is and how much of it is left: the container's if it has a limit, else the machine's.
// https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html#memory-interface-files
import fs from 'fs';

const CGROUP = '/sys/fs/cgroup';

function read(path) {
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

// {limit, available} in bytes, null where the system does not tell.
function look() {
    const machine = read('/proc/meminfo');
    const total = field(machine, /^MemTotal:\s+(\d+) kB$/m) * 1024;
    const free = field(machine, /^MemAvailable:\s+(\d+) kB$/m) * 1024;
    if (total === 0) {
        return null;
    }
    const limit = field(read(`${CGROUP}/memory.max`), /^(\d+)$/m);
    if (limit === 0 || limit >= total) {
        return {limit: total, available: free};
    }
    // Pages of files that nobody uses are given back when memory is short.
    const used = field(read(`${CGROUP}/memory.current`), /^(\d+)$/m)
        - field(read(`${CGROUP}/memory.stat`), /^inactive_file (\d+)$/m);
    return {limit, available: Math.min(free, limit - used)};
}

export default {look};
