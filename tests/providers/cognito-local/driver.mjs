/**
 * npm cognito-local: a user pool with two clients, which are asked for as Amazon's own libraries do it.
 *
 * Its tokens have the issuer that its configuration says; its document says http://localhost:9229, whatever that is.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Browser, freePort, serve } from './protocol.mjs';

const port = await freePort();
const base = `http://127.0.0.1:${port}`;
const password = 'For-a-test-1';

rmSync('.cognito', { recursive: true, force: true });
mkdirSync('.cognito');
writeFileSync('.cognito/config.json', JSON.stringify({
  ServerConfig: { hostname: '127.0.0.1', port },
  TokenConfig: { IssuerDomain: base },
}));
const require = createRequire(import.meta.url);
const { createDefaultServer } = require('cognito-local');
const pino = createRequire(require.resolve('cognito-local'))('pino');
await (await createDefaultServer(pino({ level: 'error' }, pino.destination(2)))).start();

const call = (target, body) => new Browser().json(base, {
  headers: { 'x-amz-target': `AWSCognitoIdentityProviderService.${target}`, 'content-type': 'application/x-amz-json-1.1' },
  body: JSON.stringify(body),
});

const { UserPool: { Id: UserPoolId } } = await call('CreateUserPool', { PoolName: 'corp' });
await call('AdminCreateUser', { UserPoolId, Username: 'ana@corp.example', TemporaryPassword: password, MessageAction: 'SUPPRESS' });
await call('AdminSetUserPassword', { UserPoolId, Username: 'ana@corp.example', Password: password, Permanent: true });
await call('CreateGroup', { UserPoolId, GroupName: 'readers' });
await call('AdminAddUserToGroup', { UserPoolId, Username: 'ana@corp.example', GroupName: 'readers' });
const { UserAttributes } = await call('AdminGetUser', { UserPoolId, Username: 'ana@corp.example' });
const sub = UserAttributes.find(({ Name }) => Name === 'sub').Value;

const client = async (ClientName) => (await call('CreateUserPoolClient', {
  UserPoolId, ClientName, ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH'],
})).UserPoolClient.ClientId;
const ofAna = async (ClientId) => (await call('InitiateAuth', {
  ClientId, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: { USERNAME: 'ana@corp.example', PASSWORD: password },
})).AuthenticationResult;

const [psql, other] = [await client('psql'), await client('other')];
const ana = await ofAna(psql);
const revoked = await ofAna(psql);
await call('RevokeToken', { ClientId: psql, Token: revoked.RefreshToken });
serve({
  version: JSON.parse(readFileSync('node_modules/cognito-local/package.json')).version,
  issuer: `${base}/${UserPoolId}`,
  tokens: {
    user: ana.AccessToken,
    id: ana.IdToken,
    refresh: ana.RefreshToken,
    other_client: (await ofAna(other)).AccessToken,
    revoked: revoked.AccessToken,
  },
  identities: { user: sub, revoked: sub },
  fill: { 'CLIENT-ID': psql, 'JWKS-URL': `${base}/${UserPoolId}/.well-known/jwks.json` },
});
