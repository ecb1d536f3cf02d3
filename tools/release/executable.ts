import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { inject } from 'postject';
import { BUNDLE_OPTIONS, stringWidth } from '../bundle-options.ts';
import { clientNodeSlim } from '../client-node-slim.ts';
import { type NodeBinary, nodeBinary } from './node-binary.ts';
import { isOwn, nameOf, type Platform } from './platforms.ts';
import { withoutSignature } from './signature.ts';

export interface Executable {
  platform: Platform;
  path: string;
  node: NodeBinary;
  /** The files that the bundle was made of, relative to the repository. */
  inputs: string[];
}

/**
 * Makes a single executable (https://nodejs.org/api/single-executable-applications.html): Node, stripped, with the
 * plugin injected. Throws an Error in words.
 */
export async function makeExecutable(platform: Platform, directory: string): Promise<Executable> {
  const name = `kubectl-gitlab_agent${platform.os === 'windows' ? '.exe' : ''}`;
  const path = join(directory, nameOf(platform), name);
  const scratch = `${path}.${process.pid}`;
  await mkdir(scratch, { recursive: true });
  try {
    const node = await nodeBinary(platform);
    const inputs = await bundle(scratch);
    const blob = await makeBlob(scratch, isOwn(platform));
    const made = join(scratch, name);
    // First without symbols, then with the blob: the other way round it crashes.
    await strip(platform, node.path, made);
    await inject(made, 'NODE_SEA_BLOB', blob, {
      sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
    });
    await chmod(made, 0o755);
    await rename(made, path);
    return { platform, path, node, inputs };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What the entry loads is found in the executable. */
const executableMain: esbuild.Plugin = {
  name: 'executable-main',
  setup(build) {
    const path = join(import.meta.dirname, '..', '..', 'plugin', 'executable-main.ts');
    build.onResolve({ filter: /^\.\/main\.js$/ }, () => ({ path }));
  },
};

/** The entry as a file of its own, and all behind it as a function that takes `require` and returns its exports. */
async function bundle(directory: string): Promise<string[]> {
  const options = {
    ...BUNDLE_OPTIONS,
    target: 'node24',
    format: 'cjs',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    charset: 'ascii',
    // A script of node:vm has no import(); require is as good for what Node has built in.
    supported: { 'dynamic-import': false },
  } as const;
  const built = await Promise.all([
    esbuild.build({
      ...options,
      entryPoints: ['plugin/entry.ts'],
      outfile: join(directory, 'entry.cjs'),
      plugins: [executableMain],
    }),
    esbuild.build({
      ...options,
      entryPoints: ['plugin/main.ts'],
      outfile: join(directory, 'plugin.cjs'),
      // yargs asks for its own place, which there is none of.
      define: { ...BUNDLE_OPTIONS.define, 'import.meta.url': '__url' },
      banner: {
        js: "(function (require) { const module = { exports: {} }, __url = require('node:url').pathToFileURL(process.execPath).href;",
      },
      footer: { js: 'return module.exports; })' },
      plugins: [stringWidth, clientNodeSlim()],
    }),
  ]);
  return built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
}

/** `isOwn`: the executable will run on this platform, so that code compiled here is of use to it. */
async function makeBlob(directory: string, isOwn: boolean): Promise<Buffer> {
  const settings = {
    // It is written into the blob: no more of this machine than a name.
    main: 'entry.cjs',
    output: 'blob',
    assets: { 'plugin.cjs': 'plugin.cjs', 'plugin.cache': 'plugin.cache' },
    disableExperimentalSEAWarning: true,
    // NODE_OPTIONS is for people's own programs.
    execArgvExtension: 'none',
  };
  await writeFile(join(directory, 'sea.json'), JSON.stringify(settings));
  await writeFile(join(directory, 'plugin.cache'), '');
  // The seed makes the compiled code the same every time. (--hash-seed would, too, but V8 refuses that code later.)
  const run = (...args: string[]): Buffer =>
    execFileSync(process.execPath, ['--random-seed=1', ...args], { cwd: directory, stdio: 'pipe' });
  if (isOwn)
    run(
      join(import.meta.dirname, 'compile.ts'),
      join(directory, 'plugin.cjs'),
      join(directory, 'plugin.cache'),
    );
  run('--experimental-sea-config', 'sea.json');
  return await readFile(join(directory, 'blob'));
}

async function strip(platform: Platform, from: string, to: string): Promise<void> {
  // The package's file may be shared by hard links: it is never written to.
  if (platform.strip.length === 0) return await writeFile(to, withoutSignature(await readFile(from)));
  for (const program of platform.strip) {
    try {
      execFileSync(program, ['-o', to, from], { stdio: 'ignore' });
      return;
    } catch {
      // Not there, or not for this kind of file.
    }
  }
  // It runs as well as that; only a release is held to a size.
  await copyFile(from, to);
}
