/**
 * What drivers in JavaScript share: the lines on standard input and output, and a browser with cookies.
 *
 * A driver prints one line of JSON when its provider is up and its tokens are there, then answers each line of standard
 * input with one line of JSON, and ends when standard input ends. Everything else it says goes to standard error.
 */

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const write = process.stdout.write.bind(process.stdout);
// Libraries print what they like; standard output is for the protocol alone.
process.stdout.write = process.stderr.write.bind(process.stderr);

/** A port of the loopback interface that nobody has. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Keeps cookies, follows nothing by itself, and takes every status for an answer. */
export class Browser {
  cookies = new Map();

  async request(url, { form, basic, ...options } = {}) {
    const headers = new Headers(options.headers);
    if (this.cookies.size) headers.set('cookie', [...this.cookies].map((pair) => pair.join('=')).join('; '));
    if (basic) headers.set('authorization', `Basic ${btoa(basic.join(':'))}`);
    const body = form ? new URLSearchParams(form) : options.body;
    const response = await fetch(url, { method: body ? 'POST' : 'GET', redirect: 'manual', ...options, headers, body });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) this.cookies.set(name, value); else this.cookies.delete(name);
    }
    const place = response.headers.get('location');
    return { status: response.status, text: await response.text(), place: place && new URL(place, url).href };
  }

  /** The answer as JSON, which must be a good one. */
  async json(url, options) {
    const { status, text } = await this.request(url, options);
    if (status < 200 || status >= 300) throw new Error(`${url}: ${status} ${text.slice(0, 400)}`);
    return JSON.parse(text);
  }

  /** Follows redirects until one leads to `callback`, or a page comes; `answer` may then send its form. */
  async code(url, callback, answer) {
    for (let step = 0; step < 16; step += 1) {
      if (url.startsWith(callback)) {
        const code = new URL(url).searchParams.get('code');
        if (!code) throw new Error(`the provider gives no code: ${url}`);
        return code;
      }
      const page = await this.request(url);
      url = page.place ?? await answer?.(url, page);
      if (!url) throw new Error(`a page leads nowhere: ${page.status} ${page.text.slice(0, 400)}`);
    }
    throw new Error('too many redirects');
  }
}

/** Says that all is there, then answers what the test asks until it asks no more. */
export function serve(ready, commands = {}) {
  write(`${JSON.stringify(ready)}\n`);
  createInterface({ input: process.stdin })
    .on('line', async (line) => write(`${JSON.stringify(await commands[line.trim()]())}\n`))
    .on('close', () => process.exit(0));
}
