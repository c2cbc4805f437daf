// Whether an archive is signed with one of the keys of VERIFY_KEYS, as in scripts/store/bundles.py: a Sigstore bundle around a
// DSSE envelope around an in-toto statement, made by OpenSSF's model-signing (https://github.com/sigstore/model-transparency).
import errors from 'http/errors.js';
import fs from 'fs';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://model_signing/signature/v1.0';
const MOST_BYTES = 1 << 16;
// Bytes of a coordinate and the hash of each curve.
const CURVES = {
    'P-256': {bytes: 32, hash: 'SHA-256'},
    'P-384': {bytes: 48, hash: 'SHA-384'},
    'P-521': {bytes: 66, hash: 'SHA-512'},
};

/**
 * Why an archive is not to be registered; resolves to null if its signature is right, or none is asked for.
 * @param {string} name  of its file
 * @param {string} digest  its SHA-256 in hexadecimal
 * @returns {Promise<import('http/errors.js').Failure | null>}
 */
async function failure(name, digest) {
    if (settings.verify_keys.length === 0) {
        return null;
    }
    const remedy = 'sign it (`make archives SIGN=KEY`) where it was built, and copy both files here';
    let bundle = null;
    try {
        bundle = fs.readFileSync(`${settings.model_store}/${name}.sig`);
    } catch (error) {
        return errors.failure(409, `${name} is not signed: there is no ${name}.sig; ${remedy}.`);
    }
    let signed = null;
    try {
        signed = await signedDigest(bundle);
    } catch (error) {
        return errors.failure(409, `${name} has a signature that cannot be used, ${name}.sig; ${remedy}.`);
    }
    if (signed === null) {
        const why = `${name} is not signed with a key of VERIFY_KEYS, or ${name}.sig was changed`;
        return errors.failure(409, `${why}; ${remedy}, or add the public key to VERIFY_KEYS.`);
    }
    const other = `${name} is not what was signed: its SHA-256 is not the one in ${name}.sig`;
    return signed === digest ? null : errors.failure(409, `${other}; copy both files here again.`);
}

/**
 * The SHA-256 that a signature is of, null if none of the keys made it; throws for what is no signature.
 * @param {Buffer} bundle
 * @returns {Promise<string | null>}
 */
async function signedDigest(bundle) {
    demand(bundle.length <= MOST_BYTES);
    const content = JSON.parse(bundle.toString());
    const envelope = content.dsseEnvelope;
    demand(content.mediaType === MEDIA_TYPE && envelope.payloadType === PAYLOAD_TYPE && envelope.signatures.length === 1);
    const payload = Buffer.from(envelope.payload, 'base64');
    const signature = Buffer.from(envelope.signatures[0].sig, 'base64');
    // https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
    const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `;
    const signedBytes = Buffer.concat([Buffer.from(head), payload]);
    for (let i = 0; i < settings.verify_keys.length; i += 1) {
        if (await verifies(settings.verify_keys[i], signature, signedBytes)) {
            return digestOf(JSON.parse(payload.toString()));
        }
    }
    return null;
}

async function verifies(key, signature, signedBytes) {
    const curve = CURVES[key.curve];
    const plain = plainSignature(signature, curve.bytes);
    if (plain === null) {
        return false;
    }
    const spki = Buffer.from(key.spki, 'base64');
    const publicKey = await crypto.subtle.importKey(
        'spki', spki, {name: 'ECDSA', namedCurve: key.curve}, false, ['verify']
    );
    return crypto.subtle.verify({name: 'ECDSA', hash: curve.hash}, publicKey, plain, signedBytes);
}

// WebCrypto wants both numbers one after the other (https://www.w3.org/TR/webcrypto-2/#ecdsa-operations-verify), the
// signature has them in DER (RFC 3279, 2.2.3); null if it is of another form.
function plainSignature(der, bytes) {
    let place = der[1] === 0x81 ? 3 : 2;
    const plain = Buffer.alloc(2 * bytes);
    if (der[0] !== 0x30 || place + der[place - 1] !== der.length) {
        return null;
    }
    for (let end = bytes; end <= 2 * bytes; end += bytes) {
        const length = der[place + 1];
        let number = der.subarray(place + 2, place + 2 + length);
        if (der[place] !== 2 || number.length !== length) {
            return null;
        }
        number = number[0] === 0 ? number.subarray(1) : number;
        if (number.length > bytes) {
            return null;
        }
        number.copy(plain, end - number.length);
        place += 2 + length;
    }
    return place === der.length ? plain : null;
}

// The SHA-256 of the only file of a statement whose signature is right.
function digestOf(statement) {
    const resource = statement.predicate.resources[0];
    const method = statement.predicate.serialization;
    // oxlint-disable-next-line no-underscore-dangle
    demand(statement._type === STATEMENT_TYPE && statement.predicateType === PREDICATE_TYPE);
    demand(statement.predicate.resources.length === 1 && resource.name === '.' && resource.algorithm === 'sha256');
    demand(method.method === 'files' && method.hash_type === 'sha256');
    return resource.digest;
}

function demand(holds) {
    if (!holds) {
        throw new Error('not a signature by model-signing');
    }
}

export default {failure};
