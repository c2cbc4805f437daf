// Whether an archive of the model store is what its .sha256 file says, and signed where it must be. A large one is read piece by piece, so that
// requests are answered in between.
import crypto from 'crypto';
import errors from 'http/errors.js';
import fs from 'fs';
import pause from 'http/pause.js';
import signature from 'management/signature.js';

const PIECE = 1 << 18;
// Not 0: nginx runs a timer that is due already before it looks at its connections.
const PAUSE_MS = 1;

/**
 * Why an archive is not to be registered, as far as that is seen without reading it; resolves to null if there is nothing.
 * @param {string} name  of its file
 * @returns {Promise<import('http/errors.js').Failure | null>}
 */
async function told(name) {
    const path = `${settings.model_store}/${name}`;
    try {
        if (!fs.lstatSync(path).isFile()) {
            return errors.failure(404, `${name} is not a file in the model store.`);
        }
    } catch (error) {
        return errors.failure(404, `There is no archive ${name} in the model store.`);
    }
    let digestToBe = '';
    try {
        digestToBe = expected(path);
    } catch (error) {
        return errors.failure(409, `${name} has no checksum file ${name}.sha256; put it beside the archive.`);
    }
    return signature.failure(name, digestToBe);
}

/**
 * Why an archive is not to be registered; resolves to null if it is as it should be.
 * @param {string} name  of its file
 * @returns {Promise<import('http/errors.js').Failure | null>}
 */
async function failure(name) {
    const path = `${settings.model_store}/${name}`;
    const seen = await told(name);
    if (seen !== null || await digest(path) === expected(path)) {
        return seen;
    }
    return errors.failure(409, `${name} is damaged: its SHA-256 is not the one in ${name}.sha256; copy it again.`);
}

function expected(path) {
    return fs.readFileSync(`${path}.sha256`, 'utf8').split(/\s/)[0];
}

async function digest(path) {
    const hash = crypto.createHash('sha256');
    const piece = Buffer.alloc(PIECE);
    const file = await fs.promises.open(path, 'r');
    const next = () => file.read(piece, 0, PIECE, null);
    try {
        for (let read = await next(); read.bytesRead > 0; read = await next()) {
            hash.update(piece.subarray(0, read.bytesRead));
            await pause(PAUSE_MS);
        }
    } finally {
        await file.close();
    }
    return hash.digest('hex');
}

export default {failure, told};
