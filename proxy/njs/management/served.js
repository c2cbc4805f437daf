// Which versions have served: served.jsonl in the model store, which the build reads (scripts/store/served.py).
import fs from 'fs';

/**
 * Note that an archive of the build was registered, unless it is a stand-in. A model store that cannot be written is left
 * alone.
 * @param {{model: string, version: string, sha256: string, stand_in: boolean}} entry
 */
function note(entry) {
    if (entry.stand_in) {
        return;
    }
    const line = JSON.stringify({model: entry.model, version: entry.version, sha256: entry.sha256});
    try {
        fs.appendFileSync(`${settings.model_store}/served.jsonl`, `${line}\n`);
    } catch (error) {
        ngx.log(ngx.WARN, `served.jsonl in the model store cannot be written: ${error.message}`);
    }
}

export default {note};
