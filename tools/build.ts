// Bundles the programs into dist/: the plugin as a tiny CommonJS entry and lazily loaded ESM chunks, the agent and the
// agent server as one file each, the CI step as one with a chunk for each mode, with source maps and the licences of
// everything that is bundled.
import { rmSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as esbuild from 'esbuild';
import { BUNDLE_OPTIONS, stringWidth } from './bundle-options.ts';
import { clientNodeSlim } from './client-node-slim.ts';
import { bundledPackages, licenceTexts } from './licences.ts';

const root = dirname(import.meta.dirname);
const PROGRAMS = ['plugin', 'agent', 'action', 'server'] as const;
// Whoever runs the programs meanwhile keeps the last good ones; a failed build leaves them alone.
const out = (program: (typeof PROGRAMS)[number]): string => join(root, 'dist', `.${program}-${process.pid}`);

const shared: esbuild.BuildOptions = {
  ...BUNDLE_OPTIONS,
  target: 'node22.19',
  sourcemap: true,
  sourcesContent: false,
};

// @actions/core brings an HTTP client of 1 MB for OpenID Connect tokens, which the CI step does not ask for.
const withoutTokens: esbuild.Plugin = {
  name: 'without-tokens',
  setup(build) {
    build.onResolve({ filter: /^@actions\/http-client/ }, ({ path }) => ({ path, namespace: 'none' }));
    build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({
      contents: 'export class HttpClient {} export class BearerCredentialHandler {}',
    }));
  },
};

for (const program of PROGRAMS) {
  await mkdir(out(program), { recursive: true });
  process.on('exit', () => rmSync(out(program), { recursive: true, force: true }));
}
// Bundled CommonJS asks for built-in modules by require.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};
const building = Promise.all([
  esbuild.build({
    ...shared,
    entryPoints: {
      'kubectl-gitlab_agent': 'plugin/entry.ts',
      'kubectl_complete-gitlab_agent': 'plugin/complete-entry.ts',
    },
    outdir: out('plugin'),
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    external: ['./main.js'],
    banner: { js: '#!/usr/bin/env node' },
  }),
  esbuild.build({
    ...shared,
    entryPoints: { main: 'plugin/main.ts' },
    outdir: out('plugin'),
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    plugins: [stringWidth, clientNodeSlim()],
    banner,
  }),
  esbuild.build({
    ...shared,
    entryPoints: { 'gitlab-agent': 'agent/main.ts' },
    outdir: out('agent'),
    format: 'esm',
    plugins: [clientNodeSlim()],
    banner,
  }),
  esbuild.build({
    ...shared,
    entryPoints: { 'gitlab-agent-server': 'server/main.ts' },
    outdir: out('server'),
    format: 'esm',
    banner: { js: `#!/usr/bin/env node\n${banner.js}` },
  }),
  esbuild.build({
    ...shared,
    entryPoints: { 'gitlab-agent-ci': 'action/main.ts' },
    outdir: out('action'),
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    plugins: [withoutTokens, clientNodeSlim()],
    banner: { js: `#!/usr/bin/env node\n${banner.js}` },
  }),
]);
const results = await building.catch(() => process.exit(1));
for (const name of ['kubectl-gitlab_agent.cjs', 'kubectl_complete-gitlab_agent.cjs'])
  await chmod(join(out('plugin'), name), 0o755);
await chmod(join(out('action'), 'gitlab-agent-ci.js'), 0o755);
await chmod(join(out('server'), 'gitlab-agent-server.js'), 0o755);
for (const program of PROGRAMS) {
  const final = join(root, 'dist', program);
  // The directories hold ESM; the plugin's entry says `.cjs` itself.
  await writeFile(join(out(program), 'package.json'), '{ "type": "module" }\n');
  await rm(final, { recursive: true, force: true });
  await rename(out(program), final);
}
await writeFile(
  join(root, 'dist', 'LICENSES.txt'),
  licenceTexts(await bundledPackages(results.flatMap(({ metafile }) => Object.keys(metafile!.inputs)))),
);
