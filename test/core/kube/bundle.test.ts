import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import * as esbuild from 'esbuild';
import { clientNodeSlim } from '../../../tools/client-node-slim.ts';
import { Authority } from './certificates.ts';
import { connectionTo, quickClock } from './connections.ts';
import { httpProxy, json, serve, socksProxy } from './servers.ts';

type Programs = typeof import('../../../core/kube/cluster.ts') &
  typeof import('../../../core/kube/load-connection.ts') &
  typeof import('../../../core/kube/credentials.ts');

const root = join(import.meta.dirname, '../../..');
const dir = mkdtempSync(join(tmpdir(), 'kube-bundle-'));
const authority = new Authority();
const certificate = authority.issue('server', ['DNS:localhost', 'IP:127.0.0.1']);
test.after.always(() => {
  authority.remove();
  rmSync(dir, { recursive: true, force: true });
});

/** Bundles what a command needs of this room, as tools/build.ts does. */
async function bundle(): Promise<{ programs: Programs; outputs: Record<string, number> }> {
  const { metafile, warnings } = await esbuild.build({
    absWorkingDir: root,
    stdin: {
      contents: ['cluster', 'load-connection', 'credentials']
        .map((name) => `export * from './core/kube/${name}.ts';`)
        .join('\n'),
      resolveDir: root,
      loader: 'ts',
      sourcefile: 'all.ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    splitting: true,
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    metafile: true,
    logLevel: 'silent',
    plugins: [clientNodeSlim()],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  if (warnings.length > 0) throw new Error(warnings[0]!.text);
  const files = Object.keys(metafile.outputs).map((file) => join(root, file));
  const main = files.find((file) => dirname(file) === dir && file.endsWith('stdin.mjs'))!;
  return {
    programs: (await import(main)) as Programs,
    outputs: Object.fromEntries(files.map((file) => [file.slice(dir.length + 1), statSync(file).size])),
  };
}

test('a bundle is small, and does in it what is loaded only when it is needed', async (t) => {
  const { programs, outputs } = await bundle();
  const total = Object.values(outputs).reduce((sum, size) => sum + size, 0);
  t.true(total < 1_000_000, JSON.stringify(outputs));

  const seen: string[] = [];
  await using server = await serve(
    (_request, _body, response) => json(response, 200, { up: true }),
    certificate,
  );
  await using proxy = await httpProxy(seen);
  await using socks = await socksProxy(seen);
  for (const url of [undefined, proxy.url, socks.url]) {
    const tls = { ca: Buffer.from(authority.ca.cert), insecure: false };
    const connection = connectionTo(`https://localhost:${server.port}`, {
      tls,
      ...(url ? { proxy: new URL(url) } : {}),
    });
    const cluster = programs.connect(connection, { version: '0', signal: new AbortController().signal });
    t.deepEqual(await cluster.getPath('/x'), { ok: true, value: { up: true } });
    cluster.close();
  }
  t.deepEqual(seen, [`CONNECT localhost:${server.port}`, `name localhost:${server.port}`]);

  const config = { 'access-token': 'abc' };
  const provider = { name: 'gcp', config, environment: {} };
  const source = await programs.openCredentials(
    { kind: 'provider', provider },
    quickClock,
    new AbortController().signal,
  );
  t.is((await source.current()).headers.authorization, 'Bearer abc');
});
