// Calls functions of proxy/njs under Node.js: reads cases from standard input, writes what each of them returned.
// tests/proxy/modules.py copies this beside the modules; "ngx" has only what they use outside of nginx.
import fs from 'node:fs';

// A case: {module, name, given: […], fetched: […], clock: [after, by]}; "fetched" is what ngx.fetch() resolves to, one reply after the other.
const {settings, cases} = JSON.parse(fs.readFileSync(0, 'utf8'));
globalThis.settings = settings;

function dictionary() {
    const items = new Map();
    return {
        add: (key, value) => !items.has(key) && Boolean(items.set(key, value)),
        delete: (key) => items.delete(key),
        get: (key) => items.get(key),
        incr: (key, by, from) => items.set(key, (items.has(key) ? items.get(key) : from) + by).get(key),
        set: (key, value) => items.set(key, value),
    };
}

let fetched = [];
let asked = [];
globalThis.ngx = {
    WARN: 'warn',
    INFO: 'info',
    log() {},
    shared: {
        admission: dictionary(),
        faces: dictionary(),
        line: dictionary(),
        nodes: dictionary(),
        nodes_under_way: dictionary(),
        refused: dictionary(),
        metrics: dictionary(),
        state: dictionary(),
        trial_jobs: dictionary(),
        trials: dictionary(),
    },
    async fetch(url, options) {
        asked.push(`${options ? options.method : 'GET'} ${url}`);
        if (fetched.length === 0) {
            throw new Error('nothing answers');
        }
        const {status, text} = fetched.shift();
        return {status, text: async () => text};
    },
};

// Bytes are {"base64": …} on the way. nginx's buffers begin where their memory does.
function decoded(key, value) {
    if (value === null || typeof value !== 'object' || typeof value.base64 !== 'string') {
        return value;
    }
    const bytes = Buffer.from(value.base64, 'base64');
    const alone = Buffer.from(new ArrayBuffer(bytes.length));
    bytes.copy(alone);
    return alone;
}

function encoded(value) {
    if (Buffer.isBuffer(value)) {
        return {base64: value.toString('base64')};
    }
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
        return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, encoded(part)]));
    }
    return value;
}

// Put the time of day forward or back, after so many milliseconds.
const timeOfDay = Date.now;
function changeClock(after, by) {
    const begin = performance.now();
    Date.now = () => timeOfDay() + (performance.now() - begin >= after ? by : 0);
}

const results = [];
for (const one of cases) {
    const module = await import(one.module);
    fetched = one.fetched;
    asked = [];
    changeClock(one.clock[0], one.clock[1]);
    const given = JSON.parse(JSON.stringify(one.given), decoded);
    const start = performance.now();
    const returned = await module.default[one.name](...given);
    const milliseconds = performance.now() - start;
    results.push({returned: encoded(returned === undefined ? null : returned), left: fetched.length, asked, milliseconds});
}
process.stdout.write(JSON.stringify(results));
