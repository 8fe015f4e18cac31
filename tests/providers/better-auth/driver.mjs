/** better-auth with its OAuth provider plugin, in memory: JWTs by Ed25519 for a resource. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
import { oauthProvider } from '@better-auth/oauth-provider';
import { Browser, freePort, serve } from './protocol.mjs';

const port = await freePort();
const base = `http://127.0.0.1:${port}`;
const issuer = `${base}/api/auth`;
const callback = 'https://client.example/callback';
const SCOPES = ['openid', 'email', 'offline_access', 'db.connect'];
const tables = ['user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthAccessToken', 'oauthRefreshToken', 'oauthConsent', 'oauthResource', 'oauthClientResource', 'oauthClientAssertion'];
const database = Object.fromEntries(tables.map((name) => [name, []]));

const auth = betterAuth({
  baseURL: base,
  secret: 'a-secret-of-a-test-which-is-long-enough',
  database: memoryAdapter(database),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [
    jwt(),
    oauthProvider({
      loginPage: '/sign-in',
      consentPage: '/consent',
      scopes: SCOPES,
      resources: ['api://postgres', 'api://reports'],
      enforcePerClientResources: false,
      clientPrivileges: async () => true,
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
});

const handler = toNodeHandler(auth);
// The plugin leaves the documents that stand outside of its path to the application, which passes them on.
createServer(async (request, response) => {
  if (request.url === '/.well-known/oauth-authorization-server/api/auth') {
    const document = await auth.api.getOAuthServerConfig();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  } else {
    handler(request, response);
  }
}).listen(port, '127.0.0.1');

let browser = new Browser();
const json = (body) => ({ method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', origin: base } });
const { user: ana } = await browser.json(`${issuer}/sign-up/email`, json({ name: 'Ana', email: 'ana@corp.example', password: 'any-password' }));

const headers = new Headers({ cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; ') });

/** A client that nobody is asked about. */
async function client(name) {
  const made = await auth.api.adminCreateOAuthClient({
    headers,
    body: { client_name: name, redirect_uris: [callback], scope: SCOPES.join(' '), skip_consent: true, client_credentials_scopes: ['db.connect'], grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] },
  });
  return [made.client_id, made.client_secret];
}

const token = (basic, form) => browser.json(`${issuer}/oauth2/token`, { basic, form, headers: { origin: base } });

async function byCode(basic, resource) {
  const query = new URLSearchParams({ client_id: basic[0], redirect_uri: callback, response_type: 'code', scope: SCOPES.join(' '), state: 'a-state-of-a-test', nonce: 'n-0S6', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', resource });
  const code = await browser.code(`${issuer}/oauth2/authorize?${query}`, callback, (_url, page) => JSON.parse(page.text).url);
  return token(basic, { grant_type: 'authorization_code', code, redirect_uri: callback, resource, code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' });
}

const [psql, other, server] = [await client('psql'), await client('other'), await client('server')];
// To all others, its tokens are inactive.
await auth.api.adminLinkClientResource({ headers, params: { identifier: 'api://postgres', client_id: server[0] } });
const of = await byCode(psql, 'api://postgres');
const service = await token(psql, { grant_type: 'client_credentials', scope: 'db.connect', resource: 'api://postgres' });
const [ofOther, ofReports] = [await byCode(other, 'api://postgres'), await byCode(psql, 'api://reports')];
// Somebody else, in a browser of her own.
browser = new Browser();
await browser.json(`${issuer}/sign-up/email`, json({ name: 'Eve', email: 'eve@corp.example', password: 'any-password' }));
const stranger = (await byCode(psql, 'api://postgres')).access_token;
serve({
  version: JSON.parse(readFileSync('node_modules/@better-auth/oauth-provider/package.json')).version,
  issuer,
  tokens: {
    user: of.access_token,
    service: service.access_token,
    id: of.id_token,
    refresh: of.refresh_token,
    other_client: ofOther.access_token,
    other_audience: ofReports.access_token,
  },
  stranger,
  identities: { user: ana.id, other_client: ana.id, service: psql[0] },
  introspection: { client_id: server[0], client_secret: server[1] },
});
