/** npm postgres: the same. */
import postgres from 'postgres';

const [host, port, password] = process.argv.slice(2);
const place = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port: Number(port) };
const sql = postgres({ ...place, user: 'alice', database: 'postgres', pass: password, max: 1, fetch_types: false });
try {
  console.log((await sql`select system_user`)[0].system_user);
  await sql.end();
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
