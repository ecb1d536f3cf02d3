import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '../bundle-options.ts';
import { bundledPackages, licenceTexts } from '../licences.ts';
import type { Entry } from './archive.ts';
import type { Executable } from './executable.ts';
import { sbom } from './sbom.ts';

const here = import.meta.dirname;
const root = join(here, '..', '..');
const COMPLETE = 'kubectl_complete-gitlab_agent';

/** The archive of an executable. */
export async function executableContents({ platform, path, node, inputs }: Executable): Promise<Entry[]> {
  const isWindows = platform.os === 'windows';
  return [
    { name: `kubectl-gitlab_agent${isWindows ? '.exe' : ''}`, from: path, executable: true },
    isWindows ? { name: `${COMPLETE}.cmd`, from: join(here, 'complete.cmd') } : completion(),
    ...(await papers(inputs, node)),
  ];
}

/** The archive of the npm bundle behind a launcher; `inputs` is what the plugin is made of. */
export async function bundleContents(inputs: readonly string[]): Promise<Entry[]> {
  const plugin = join(root, 'dist', 'plugin');
  const files = await Array.fromAsync(glob('**/*.{js,cjs,json}', { cwd: plugin }));
  return [
    { name: 'kubectl-gitlab_agent', from: join(here, 'launcher.sh'), executable: true },
    completion(),
    ...files.map((file) => ({ name: `plugin/${file}`, from: join(plugin, file) })),
    ...(await papers(inputs)),
  ];
}

/** A chart as Helm packs it; `name` is that of its folder. */
export async function chartContents(name: string): Promise<Entry[]> {
  const charts = join(root, 'deploy', 'charts');
  const files = await Array.fromAsync(glob(`${name}/**/*.*`, { cwd: charts }));
  return files.map((file) => ({ name: file, from: join(charts, file) }));
}

function completion(): Entry {
  const from = join(root, 'plugin', 'completion', 'scripts', 'kubectl.sh');
  return { name: COMPLETE, from, executable: true };
}

/** What says what it is made of, and on whose terms. */
async function papers(
  inputs: readonly string[],
  node?: { version: string; licence: string },
): Promise<Entry[]> {
  const packages = await bundledPackages(inputs);
  const runtime = node && `\n${'-'.repeat(80)}\n\nNode.js ${node.version}\n\n${node.licence}`;
  return [
    { name: 'LICENSE', from: join(root, 'LICENSE') },
    { name: 'LICENSES.txt', text: `${licenceTexts(packages)}${runtime ?? ''}` },
    {
      name: 'sbom.cdx.json',
      text: sbom({ version: VERSION, packages, ...(node && { node: node.version }) }),
    },
  ];
}
