// What the supervisor says of the parts of the stack that it brings back: scripts/stack/supervision.py.
import fs from 'fs';

// One in another container gives a sign of life each second (scripts/stack/containers.py): its process is not seen here.
const ALIVE_MS = 10000;

/** @typedef {{state: 'running'|'starting'|'failing', restarts: number, since: number, pause?: number}} Part  times are seconds */

/**
 * What a living supervisor said last; null where there is none.
 * @returns {{pid: number, parts: Object<string, Part>} | null}
 */
function current() {
    try {
        const said = JSON.parse(fs.readFileSync(settings.supervision, 'utf8'));
        return lives(said.pid) ? said : null;
    } catch (error) {
        return null;
    }
}

// By the time of day, which that container has from the same machine.
function lives(pid) {
    if (settings.same_container) {
        return fs.statSync(`/proc/${pid}`).isDirectory();
    }
    return Math.abs(Date.now() - fs.statSync(settings.supervision).mtimeMs) < ALIVE_MS;
}

/**
 * What it said of TorchServe, null where there is no supervisor.
 * @returns {'running'|'starting'|'failing'|null}
 */
function ofTorchServe() {
    const said = current();
    return said === null ? null : said.parts.torchserve.state;
}

/**
 * After how many seconds TorchServe is started again, 0 if that is not waited for.
 */
function pause() {
    const said = current();
    const part = said === null ? {since: 0, pause: 0} : said.parts.torchserve;
    // By the time of day, which may have been changed.
    return Math.min(part.pause || 0, Math.max(0, part.since + (part.pause || 0) - Date.now() / 1000));
}

export default {current, ofTorchServe, pause};
