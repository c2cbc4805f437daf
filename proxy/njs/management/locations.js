// Where TorchServe has a model from: the plain file name of the archive, wherever on this machine it was unpacked, and
// the archive's digest.
import archive from 'models/archive.js';

/**
 * The file name of an archive that was registered as a file or as the folder of its unpacked files.
 * @param {string} url  TorchServe's modelUrl
 */
function fileName(url) {
    const name = url.slice(url.lastIndexOf('/') + 1);
    return name.endsWith('.mar') ? name : `${name}.mar`;
}

/**
 * TorchServe's answer with file names in it, and with the `sha256` of what was unpacked by this project's own commands; as
 * it is if it describes no models.
 * @param {string} text
 */
function plain(text) {
    let answer;
    try {
        answer = JSON.parse(text);
    } catch (error) {
        return text;
    }
    const models = Array.isArray(answer) ? answer : answer.models || [];
    models.forEach((model) => {
        model.sha256 = archive.digest(model.modelUrl).digest;
        model.modelUrl = fileName(model.modelUrl);
    });
    return models.length > 0 ? `${JSON.stringify(answer, null, 2)}\n` : text;
}

export default {fileName, plain};
