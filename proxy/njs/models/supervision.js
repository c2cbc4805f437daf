// What the supervisor says of the parts of the stack that it brings back: scripts/stack/supervision.py.
import fs from 'fs';

/** @typedef {{state: 'running'|'starting'|'failing', restarts: number}} Part */

/**
 * What a living supervisor said last; null where there is none.
 * @returns {{pid: number, parts: Object<string, Part>} | null}
 */
function current() {
    try {
        const said = JSON.parse(fs.readFileSync(settings.supervision, 'utf8'));
        fs.statSync(`/proc/${said.pid}`);
        return said;
    } catch (error) {
        return null;
    }
}

/**
 * What it said of TorchServe, null where there is no supervisor.
 * @returns {'running'|'starting'|'failing'|null}
 */
function ofTorchServe() {
    const said = current();
    return said === null ? null : said.parts.torchserve.state;
}

export default {current, ofTorchServe};
