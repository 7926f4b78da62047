import cf from 'cloudfront';
import crypto from 'crypto';

// A client's key at the edge is KEY.MAC: the gateway's key, and its HMAC-SHA-256 by the edge's secret. Whoever has no
// key that was signed does not reach a region; which keys are still good, the gateway alone knows.
const CREDENTIAL = /^Bearer {1,9}([A-Za-z0-9_-]{16,200})\.([A-Za-z0-9_-]{43})$/i;
const SECRETS = ['hmac', 'hmac-previous'];
const OURS = /^(x-moorage-|x-forwarded-|x-amzn-|forwarded$|x-real-ip$|x-original-|x-client-ip$|true-client-ip$)/;
// A request may have thousands of headers, and an expression takes the most of the time: most begin otherwise.
const FIRST_OF_OURS = { x: true, f: true, t: true };

function answer(statusCode, statusDescription, type, message) {
    return {
        statusCode: statusCode,
        statusDescription: statusDescription,
        headers: {
            'content-type': { value: 'application/json' },
            'cache-control': { value: 'no-store' },
        },
        body: { encoding: 'text', data: JSON.stringify({ error: { message: message, type: type, param: null, code: type } }) },
    };
}

// In the same time wherever the two differ.
function same(left, right) {
    let difference = left.length ^ right.length;
    for (let index = 0; index < right.length; index++) {
        difference |= left.codePointAt(index) ^ right.codePointAt(index);
    }
    return difference === 0;
}

async function valueOf(store, key) {
    return (await store.exists(key)) ? store.get(key) : '';
}

async function isSigned(store, key, mac) {
    let signed = false;
    for (let index = 0; index < SECRETS.length; index++) {
        const secret = await valueOf(store, SECRETS[index]);
        if (secret && same(crypto.createHmac('sha256', secret).update(key).digest('base64url'), mac)) {
            signed = true;
        }
    }
    return signed;
}

// 'eu=95,eu-canary=5': a key stays with its origin as long as the weights stay.
function chosen(routes, mac) {
    const parsed = routes.split(',').map((route) => route.split('='));
    const weights = parsed.map((route) => Number(route[1]));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let place = Buffer.from(mac, 'base64url').readUInt32BE(0) % total;
    for (let index = 0; index < parsed.length; index++) {
        if (place < weights[index]) {
            return parsed[index][0];
        }
        place -= weights[index];
    }
    throw new Error('routes without a weight');
}

function withoutOurs(headers) {
    for (const name in headers) {
        if (FIRST_OF_OURS[name[0]] && OURS.test(name)) {
            delete headers[name];
        }
    }
}

async function handler(event) {
    const request = event.request;
    const authorization = request.headers.authorization;
    const found = authorization && !authorization.multiValue && CREDENTIAL.exec(authorization.value);
    if (!found) {
        return answer(401, 'Unauthorized', 'invalid_api_key', 'No key of the form KEY.MAC in the Authorization header.');
    }
    const key = found[1];
    const mac = found[2];
    try {
        const store = cf.kvs();
        if (!(await isSigned(store, key, mac)) || (await store.exists('revoked-' + mac))) {
            return answer(401, 'Unauthorized', 'invalid_api_key', 'The key is not one of ours.');
        }
        const region = cf.edgeLocation && cf.edgeLocation.region;
        const nearest = region ? await valueOf(store, 'routes-' + region) : '';
        const routes = nearest || (await store.get('routes'));
        cf.selectRequestOriginById(chosen(routes, mac));
    } catch (error) {
        console.log('no decision: ' + error.message);
        return answer(503, 'Service Unavailable', 'edge_unavailable', 'The edge cannot decide now; try again.');
    }
    withoutOurs(request.headers);
    authorization.value = 'Bearer ' + key;
    request.headers['x-moorage-edge'] = { value: 'accepted' };
    return request;
}
