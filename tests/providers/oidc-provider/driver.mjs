/**
 * npm oidc-provider, with its own pages for signing in: node driver.mjs ALG FORMAT
 *
 * Tokens for the API `urn:postgres` have the form (`jwt` or `opaque`) and, signed, the algorithm of the arguments.
 */

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { Browser, freePort, serve } from './protocol.mjs';

const [alg, accessTokenFormat] = process.argv.slice(2);
const port = await freePort();
const issuer = `http://127.0.0.1:${port}`;
const callback = 'http://127.0.0.1:1/callback';
const SCOPES = 'openid offline_access db.connect';

const KEY_PAIRS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  // The fully-specified name of RFC 9864.
  Ed25519: () => generateKeyPairSync('ed25519'),
};
const makeKey = (kid) => ({ ...KEY_PAIRS[alg]().privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' });

/** The audience is what an API is called; the last one is for a token that is soon over. */
const APIS = { 'urn:postgres': ['api://postgres', 3600], 'urn:reports': ['api://reports', 3600], 'urn:short': ['api://postgres', 2] };
const resourceServer = (resource) => {
  const [audience, accessTokenTTL] = APIS[resource];
  return { scope: 'db.connect', audience, accessTokenTTL, accessTokenFormat, ...(accessTokenFormat === 'jwt' ? { jwt: { sign: { alg } } } : {}) };
};

const client = (client_id) => ({
  client_id,
  client_secret: `the-secret-of-${client_id}`,
  redirect_uris: [callback],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  id_token_signed_response_alg: alg,
});

const provider = (keys) => new Provider(issuer, {
  clients: ['psql', 'other', 'server'].map(client),
  jwks: { keys },
  scopes: ['openid', 'offline_access'],
  cookies: { keys: ['for a test'] },
  pkce: { required: () => false },
  findAccount: async (_ctx, login) => ({ accountId: login, claims: async () => ({ sub: login }) }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_ctx, resource) => resourceServer(resource),
    },
  },
});

const keys = [makeKey('first')];
let current = provider(keys);
createServer((request, response) => current.callback()(request, response)).listen(port, '127.0.0.1');

const token = (id, form) => new Browser().json(`${issuer}/token`, { form, basic: [id, `the-secret-of-${id}`] });

/** Signs in as `ana` and agrees, as a person does on these pages. */
async function byCode(id, resource) {
  const browser = new Browser();
  const query = new URLSearchParams({ client_id: id, redirect_uri: callback, response_type: 'code', scope: SCOPES, resource, nonce: 'n-0S6', prompt: 'consent' });
  const code = await browser.code(`${issuer}/auth?${query}`, callback, async (_url, page) => {
    const action = /action="([^"]+)"/.exec(page.text)[1];
    const prompt = /name="prompt" value="([^"]+)"/.exec(page.text)[1];
    return (await browser.request(action, { form: { prompt, login: 'ana', password: 'any' } })).place;
  });
  return token(id, { grant_type: 'authorization_code', code, redirect_uri: callback, resource });
}

const service = async () =>
  (await token('psql', { grant_type: 'client_credentials', scope: 'db.connect', resource: 'urn:postgres' })).access_token;

const user = await byCode('psql', 'urn:postgres');
const revoked = (await byCode('psql', 'urn:postgres')).access_token;
if (accessTokenFormat === 'opaque') {
  await new Browser().request(`${issuer}/token/revocation`, { form: { token: revoked }, basic: ['psql', 'the-secret-of-psql'] });
}
serve({
  version: JSON.parse(readFileSync('node_modules/oidc-provider/package.json')).version,
  issuer,
  tokens: {
    user: user.access_token,
    service: await service(),
    id: user.id_token,
    refresh: user.refresh_token,
    other_client: (await byCode('other', 'urn:postgres')).access_token,
    other_audience: (await byCode('psql', 'urn:reports')).access_token,
    expired: (await byCode('psql', 'urn:short')).access_token,
    ...(accessTokenFormat === 'opaque' ? { revoked } : {}),
  },
  identities: { user: 'ana', service: 'psql', rotated: 'psql' },
  introspection: accessTokenFormat === 'opaque' ? { client_id: 'server', client_secret: 'the-secret-of-server' } : undefined,
}, {
  rotate: async () => {
    keys.unshift(makeKey('second'));
    current = provider(keys);
    return { token: await service() };
  },
});
