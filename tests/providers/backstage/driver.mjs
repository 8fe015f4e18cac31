/**
 * Backstage's backend with its plugin auth and its sign-in for guests, on a database in this process.
 *
 * A guest is whoever the configuration says. The token that a browser gets is good for every plugin of the backend, and for
 * nobody else by design: a database that takes it is one more of them.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { createBackend } from '@backstage/backend-defaults';
import { coreServices, createBackendModule } from '@backstage/backend-plugin-api';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { Browser, freePort, serve } from './protocol.mjs';

const [port, database] = [await freePort(), await freePort()];
const base = `http://127.0.0.1:${port}`;
const issuer = `${base}/api/auth`;

await new PGLiteSocketServer({ db: await PGlite.create(), host: '127.0.0.1', port: database, maxConnections: 20 }).start();
// JSON is YAML.
writeFileSync('app-config.yaml', JSON.stringify({
  app: { baseUrl: base },
  backend: {
    baseUrl: base,
    listen: { host: '127.0.0.1', port },
    database: {
      client: 'pg',
      pluginDivisionMode: 'schema',
      connection: { host: '127.0.0.1', port: database, user: 'postgres', password: 'any', database: 'postgres' },
    },
  },
  auth: { providers: { guest: { userEntityRef: 'user:default/ana', dangerouslyAllowOutsideDevelopment: true } } },
}));
process.argv.push('--config', 'app-config.yaml');

/** Tokens that Backstage makes for itself: of a plugin for another one, and of a person's cookie. */
const own = {};
const probe = createBackendModule({
  pluginId: 'auth',
  moduleId: 'probe',
  register(env) {
    env.registerInit({
      deps: { auth: coreServices.auth },
      async init({ auth }) {
        own.service = async () => (await auth.getPluginRequestToken({
          onBehalfOf: await auth.getOwnServiceCredentials(), targetPluginId: 'backstage',
        })).token;
        own.cookie = async (token) => (await auth.getLimitedUserToken(await auth.authenticate(token))).token;
      },
    });
  },
});

const backend = createBackend();
backend.add(probe);
backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
await backend.start();

const answer = await new Browser().json(`${issuer}/guest/refresh`, { headers: { 'x-requested-with': 'XMLHttpRequest' } });
const user = answer.backstageIdentity.token;
serve({
  version: JSON.parse(readFileSync('node_modules/@backstage/plugin-auth-backend/package.json')).version,
  issuer,
  tokens: { user, service: await own.service(), id: await own.cookie(user) },
  identities: { user: 'user:default/ana' },
});
