/** `npm run build:exe`: single executables in dist/executable/, for all platforms or those that are named. */
import { statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { makeExecutable } from './release/executable.ts';
import { nameOf, PLATFORMS } from './release/platforms.ts';

const root = dirname(import.meta.dirname);
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !PLATFORMS.some((platform) => nameOf(platform) === name));

if (unknown !== undefined) {
  const known = PLATFORMS.map(nameOf).join(', ');
  process.stderr.write(
    `error: there is no platform ${JSON.stringify(unknown)}\nhint: it is one of ${known}\n`,
  );
  process.exitCode = 2;
} else {
  try {
    for (const platform of PLATFORMS.filter(
      (platform) => wanted.length === 0 || wanted.includes(nameOf(platform)),
    )) {
      const { path } = await makeExecutable(platform, join(root, 'dist', 'executable'));
      process.stdout.write(`${relative(root, path)}: ${(statSync(path).size / 1e6).toFixed(1)} MB\n`);
    }
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
