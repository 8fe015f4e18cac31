/**
 * A certified OpenID provider that nobody of this project wrote (npm oidc-provider), for tests to log in against.
 *
 *     node provider.mjs serve --cert FILE --key FILE --keys FILE [--port N] [--lifetime SECONDS] [--client-key FILE]
 *     node provider.mjs make-key ALG KID
 *
 * `serve` is https://localhost:PORT and says so in one line of JSON on stdout when it is ready. It signs with the first
 * key of --keys (a JWK Set with private keys) and publishes all of them, so a rotation is a new start on the same port
 * with another file. It ends on SIGTERM, SIGINT, and when its standard input ends: it must never outlive its test.
 * Access tokens are good for --lifetime; --client-key is the private key, in PEM, of the client `signer`, which has no secret.
 * `make-key` prints such a key (RS256, PS256, ES256 or EdDSA) as a private JWK.
 *
 * The protocol is the package's own in every part: endpoints, tokens, signatures, the pages of the device flow. Here is
 * only what each operator of a provider decides: clients, APIs and their scopes, who the users are (anybody, with any
 * password), and how long a token is good for. It listens on the loopback alone, keeps everything in memory, and is
 * useless and dangerous as anything else but a test.
 */

import { createHash, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { parseArgs } from 'node:util';

import Provider, { errors } from 'oidc-provider';

/** Standard output is for the one answer to the caller; the package also puts its remarks there. */
const answer = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);
console.info = console.error;

const DEVICE_FLOW = 'urn:ietf:params:oauth:grant-type:device_code';

/** In seconds; much longer than a test. */
const TOKEN_LIFETIME = 600;

/** The address of an API (RFC 8707), what stands in `aud` of its tokens, what may be asked of it, and their form. */
const APIS = new Map([
  ['urn:postgres', { audience: 'postgres', scope: 'db.connect db.read', accessTokenFormat: 'jwt' }],
  ['urn:reports', { audience: 'reports', scope: 'db.connect', accessTokenFormat: 'jwt' }],
  ['urn:postgres:opaque', { audience: 'postgres', scope: 'db.connect db.read', accessTokenFormat: 'opaque' }],
  ['urn:reports:opaque', { audience: 'reports', scope: 'db.connect', accessTokenFormat: 'opaque' }],
]);

/** psql names no API: RFC 8707's parameter is unknown to it. */
const DEFAULT_API = 'urn:postgres';

const KEY_PAIRS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
};

/** A private JWK (RFC 7517), as one of the array that `--keys` names. */
function makeKey(alg, kid) {
  if (!(alg in KEY_PAIRS) || !kid) {
    throw new Error(`make-key takes ${Object.keys(KEY_PAIRS).join(' or ')}, and a key ID`);
  }
  const { privateKey } = KEY_PAIRS[alg]();
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

/** Without an algorithm there is no telling what tokens would be signed with. */
function readKeys(file) {
  const jwks = JSON.parse(readFileSync(file, 'utf8'));
  if (!jwks.keys?.[0]?.alg) {
    throw new Error(`${file}: the first key names no alg`);
  }
  return jwks;
}

/** Of secrets the provider keeps no more than this, so they may be any text. */
const hashed = (secret) => createHash('sha256').update(secret).digest('base64url');

/** A service that proves itself by a signature (RFC 7523), if there is a key for it. */
function signer(common, file) {
  if (!file) {
    return [];
  }
  const key = createPublicKey(readFileSync(file)).export({ format: 'jwk' });
  return [{
    ...common,
    client_id: 'signer',
    jwks: { keys: [{ ...key, kid: 'signer-1', alg: 'ES256', use: 'sig' }] },
    // And a person's program that has a key, of which a new assertion is due at each request.
    grant_types: ['client_credentials', DEVICE_FLOW],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
  }];
}

function clients(alg, clientKey) {
  const common = { redirect_uris: [], response_types: [], id_token_signed_response_alg: alg };
  return [
    ...signer(common, clientKey),
    // A service that acts for itself.
    {
      ...common,
      client_id: 'app',
      client_secret: hashed('the-secret-of-app'),
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    // A person's program on a terminal: it can keep no secret.
    {
      ...common,
      client_id: 'psql',
      application_type: 'native',
      grant_types: [DEVICE_FLOW, 'refresh_token'],
      token_endpoint_auth_method: 'none',
    },
    // Database servers, which get no tokens but ask about those of others. RFC 6749, appendix A.2, knows secrets of
    // ASCII alone, and the package holds to that in Basic; in a form it takes any.
    {
      ...common,
      client_id: 'server:basic',
      client_secret: hashed('a:b+c%d%2B e&f=g'),
      grant_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    {
      ...common,
      client_id: 'server:post',
      client_secret: hashed('a:b+c%d%2B e&f=g-\u00e9\u4e2d\u{1f511}'),
      grant_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ];
}

function configuration(jwks, lifetime, clientKey) {
  const { alg } = jwks.keys[0];
  return {
    clients: clients(alg, clientKey),
    jwks,
    scopes: ['openid'],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    findAccount: async (_ctx, login) => ({ accountId: login, claims: async () => ({ sub: login }) }),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    ttl: {
      // A number here would hold for tokens of a resource as well, whatever its accessTokenTTL.
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? TOKEN_LIFETIME,
      ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? TOKEN_LIFETIME,
      DeviceCode: TOKEN_LIFETIME,
      Grant: TOKEN_LIFETIME,
      IdToken: TOKEN_LIFETIME,
      Interaction: TOKEN_LIFETIME,
      RefreshToken: TOKEN_LIFETIME,
      Session: TOKEN_LIFETIME,
    },
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      // Whoever has a secret may ask about everybody's tokens; only a token's own client may revoke it.
      introspection: { enabled: true, allowedPolicy: async (_ctx, client) => client.clientAuthMethod !== 'none' },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
      // The package's own pages for signing in and consenting, which take any name and password.
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => DEFAULT_API,
        // Else a token that was asked for together with `openid` would be an opaque one for the userinfo endpoint.
        useGrantedResource: async () => true,
        getResourceServerInfo: async (_ctx, resource) => resourceServer(resource, alg, lifetime),
      },
    },
  };
}

/** What a token for this API looks like: a JWT (RFC 9068), signed as everything else is, or a random text. */
function resourceServer(resource, alg, lifetime) {
  const api = APIS.get(resource);
  if (!api) {
    throw new errors.InvalidTarget();
  }
  const jwt = api.accessTokenFormat === 'jwt' ? { jwt: { sign: { alg } } } : {};
  return { ...api, ...jwt, accessTokenTTL: lifetime };
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}

/** The issuer has the port in it, so the port comes first and the provider second. */
async function serve({ cert, key, keys, port, lifetime, 'client-key': clientKey }) {
  const config = configuration(readKeys(keys), Number(lifetime), clientKey);
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
  const bound = await listen(server, Number(port));
  const issuer = `https://localhost:${bound}`;
  const provider = new Provider(issuer, config);
  // The place that the package documents for operators who hash their clients' secrets.
  provider.Client.prototype.compareClientSecret = function compare(secret) {
    return hashed(secret) === this.clientSecret;
  };
  provider.on('server_error', (_ctx, error) => console.error(error));
  // For tests that count: what is asked for, never with what.
  server.on('request', (request) => console.error(`${request.method} ${request.url.split('?')[0]}`));
  server.on('request', provider.callback());

  const end = () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  process.stdin.on('end', end).on('error', end).resume();
  answer({ issuer, port: bound });
}

const text = { type: 'string' };
const { positionals: [command, ...rest], values } = parseArgs({
  allowPositionals: true,
  options: { cert: text, key: text, keys: text, port: { ...text, default: '0' }, lifetime: { ...text, default: String(TOKEN_LIFETIME) }, 'client-key': text },
});

if (command === 'serve' && rest.length === 0 && values.cert && values.key && values.keys) {
  await serve(values);
} else if (command === 'make-key' && rest.length === 2) {
  answer(makeKey(...rest));
} else {
  console.error('usage: provider.mjs serve --cert FILE --key FILE --keys FILE [--port N] | make-key ALG KID');
  process.exit(2);
}
