// How much memory there is and how much of it is left: the container's if it has a limit, else the machine's.
// https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html#memory-interface-files
import fs from 'fs';

const CGROUP = '/sys/fs/cgroup';

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
 * In bytes, null where the system does not tell.
 * @returns {{limit: number, available: number} | null}
 */
function read() {
    const machine = contents('/proc/meminfo');
    const total = field(machine, /^MemTotal:\s+(\d+) kB$/m) * 1024;
    const free = field(machine, /^MemAvailable:\s+(\d+) kB$/m) * 1024;
    if (total === 0) {
        return null;
    }
    const limit = field(contents(`${CGROUP}/memory.max`), /^(\d+)$/m);
    if (limit === 0 || limit >= total) {
        return {limit: total, available: free};
    }
    // Unused pages of files are freed when memory is short.
    const used = field(contents(`${CGROUP}/memory.current`), /^(\d+)$/m)
        - field(contents(`${CGROUP}/memory.stat`), /^inactive_file (\d+)$/m);
    return {limit, available: Math.min(free, limit - used)};
}

export default {read};
