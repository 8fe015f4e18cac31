/** node pg: one login, and who the server takes it for; its error otherwise. HOST PORT PASSWORD; a host with a slash is a folder. */
import pg from 'pg';

const [host, port, password] = process.argv.slice(2);
const client = new pg.Client({ host, port: Number(port), user: 'alice', database: 'postgres', password: password || undefined });
try {
  await client.connect();
  console.log((await client.query('select system_user')).rows[0].system_user);
  await client.end();
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
