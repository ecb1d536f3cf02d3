import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const FILES = [
  'LICENSE',
  'LICENSE.md',
  'LICENSE.txt',
  'LICENCE',
  'license',
  'License',
  'license.md',
  'LICENSE-MIT.txt',
];

/** A package of which a bundle holds code. */
export interface BundledPackage {
  name: string;
  version: string;
  /** As its package.json says it. */
  licence: string | undefined;
  text: string | undefined;
}

/** The packages that the inputs of a bundle, as esbuild's metafile names them, come from; sorted by name. */
export async function bundledPackages(inputs: readonly string[]): Promise<BundledPackage[]> {
  const names = new Set(
    inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []),
  );
  return await Promise.all([...names].sort().map(readPackage));
}

async function readPackage(name: string): Promise<BundledPackage> {
  const directory = join(root, 'node_modules', name);
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const texts = await Promise.all(
    FILES.map((file) => readFile(join(directory, file), 'utf8').catch(() => undefined)),
  );
  const text = texts.find((content) => content !== undefined)?.trim();
  return { name, version: manifest.version, licence: manifest.license, text };
}

/** All licences in one text. */
export function licenceTexts(packages: readonly BundledPackage[]): string {
  return packages
    .map(({ name, version, licence, text }) => {
      const told = text ?? 'The package carries no licence text.';
      return `${name} ${version} (${licence ?? 'licence in the text'})\n\n${told}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
