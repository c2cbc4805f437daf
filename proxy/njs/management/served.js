// Which versions have served: served.jsonl in the model store, or in the run directory (scripts/store/served.py).
import fs from 'fs';

/**
 * Note that an archive of the build was registered, unless it is a stand-in. What cannot be written into the model store is
 * written into the run directory.
 * @param {{model: string, version: string, sha256: string, stand_in: boolean}} entry
 */
function note(entry) {
    if (entry.stand_in) {
        return;
    }
    const line = JSON.stringify({model: entry.model, version: entry.version, sha256: entry.sha256});
    [`${settings.model_store}/served.jsonl`, settings.served].some((file) => {
        try {
            fs.appendFileSync(file, `${line}\n`);
            return true;
        } catch (error) {
            ngx.log(ngx.WARN, `${file} cannot be written: ${error.message}`);
            return false;
        }
    });
}

export default {note};
