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
    const inputs = await bundle(join(scratch, 'plugin.cjs'));
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

/** The whole plugin as one CommonJS file, which is all that Node 24 takes. */
async function bundle(outfile: string): Promise<string[]> {
  const { metafile } = await esbuild.build({
    ...BUNDLE_OPTIONS,
    entryPoints: ['plugin/entry.ts'],
    outfile,
    target: 'node24',
    format: 'cjs',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    // yargs asks for its own place, which there is none of.
    banner: { js: "const __url = require('node:url').pathToFileURL(process.execPath).href;" },
    define: { ...BUNDLE_OPTIONS.define, 'import.meta.url': '__url' },
    plugins: [stringWidth, clientNodeSlim()],
  });
  return Object.keys(metafile.inputs);
}

async function makeBlob(directory: string, useCodeCache: boolean): Promise<Buffer> {
  const settings = {
    // It is written into the blob: no more of this machine than a name.
    main: 'plugin.cjs',
    output: 'blob',
    useCodeCache,
    disableExperimentalSEAWarning: true,
    // NODE_OPTIONS is for people's own programs.
    execArgvExtension: 'none',
  };
  await writeFile(join(directory, 'sea.json'), JSON.stringify(settings));
  // The seed makes the compiled code the same every time. (--hash-seed would, too, but V8 refuses that code later.)
  const args = ['--random-seed=1', '--experimental-sea-config', 'sea.json'];
  execFileSync(process.execPath, args, { cwd: directory, stdio: 'pipe' });
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
