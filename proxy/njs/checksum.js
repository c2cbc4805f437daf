// Whether an archive of the model store is what its .sha256 file says. A large one is read piece by piece, so that
// requests are answered in between.
import crypto from 'crypto';
import fs from 'fs';

const PIECE = 1 << 18;

// Not 0: nginx runs a timer that is due already before it looks at its connections.
function pause() {
    return new Promise((resolve) => setTimeout(resolve, 1));
}

// Resolves to {status, sentence}, null if the archive is as it should be.
async function problem(name) {
    const path = `${settings.model_store}/${name}`;
    let expected = '';
    try {
        if (!fs.lstatSync(path).isFile()) {
            return {status: 404, sentence: `${name} is no file of the model store.`};
        }
    } catch (error) {
        return {status: 404, sentence: `There is no archive ${name} in the model store.`};
    }
    try {
        expected = fs.readFileSync(`${path}.sha256`, 'utf8').split(/\s/)[0];
    } catch (error) {
        return {status: 409, sentence: `${name} has no checksum file ${name}.sha256; put it beside the archive.`};
    }
    if (await digest(path) !== expected) {
        return {status: 409, sentence: `${name} is damaged: its SHA-256 is not the one in ${name}.sha256; copy it again.`};
    }
    return null;
}

async function digest(path) {
    const hash = crypto.createHash('sha256');
    const piece = Buffer.alloc(PIECE);
    const file = await fs.promises.open(path, 'r');
    try {
        for (let read = await file.read(piece, 0, PIECE); read.bytesRead > 0; read = await file.read(piece, 0, PIECE)) {
            hash.update(piece.subarray(0, read.bytesRead));
            await pause();
        }
    } finally {
        await file.close();
    }
    return hash.digest('hex');
}

export default {problem};
