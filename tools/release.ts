/** `npm run release`: everything that a release consists of, in dist/release/. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { VERSION } from './bundle-options.ts';
import { type Entry, makeArchive } from './release/archive.ts';
import { bundleContents, chartContents, executableContents } from './release/contents.ts';
import { type Executable, makeExecutable } from './release/executable.ts';
import { krewManifest } from './release/krew.ts';
import { krewProblems } from './release/krew-rules.ts';
import { releaseNotes } from './release/notes.ts';
import { nameOf, PLATFORMS } from './release/platforms.ts';

const USAGE = `usage: npm run release -- [--downloads URL] [--homepage URL] [--unreleased]
  --downloads URL  where the archives will be, for krew (in GitLab CI: the project's package registry)
  --homepage URL   of the project, for krew (in GitLab CI: CI_PROJECT_URL)
  --unreleased     a try: release notes from what is under "Unreleased"
`;

const root = dirname(import.meta.dirname);
const out = join(root, 'dist', 'release');
const MOST_BYTES = 40e6;

async function main(): Promise<void> {
  const { CI_API_V4_URL, CI_PROJECT_ID, CI_PROJECT_URL } = process.env;
  const { values } = parseArgs({
    options: {
      downloads: {
        type: 'string',
        default: CI_PROJECT_ID
          ? `${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/packages/generic/kubectl-gitlab_agent/${VERSION}`
          : '',
      },
      homepage: { type: 'string', default: CI_PROJECT_URL ?? '' },
      unreleased: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const { downloads, homepage, unreleased, help } = values;
  if (help || !downloads || !homepage) {
    (help ? process.stdout : process.stderr).write(USAGE);
    process.exitCode = help ? 0 : 2;
    return;
  }
  const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8');
  const notes = releaseNotes(changelog, unreleased ? 'Unreleased' : VERSION);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  execFileSync(process.execPath, [join(root, 'tools', 'build.ts')], { stdio: 'inherit' });

  const executables: Executable[] = [];
  for (const platform of PLATFORMS)
    executables.push(await makeExecutable(platform, join(root, 'dist', 'executable')));
  const checksums = new Map<string, string>();
  for (const executable of executables) {
    const { platform } = executable;
    const suffix = `${nameOf(platform)}.${platform.os === 'windows' ? 'zip' : 'tar.gz'}`;
    await pack(pluginArchive(suffix), await executableContents(executable), checksums);
  }
  await pack(pluginArchive('darwin_all.tar.gz'), await bundleContents(executables[0]!.inputs), checksums);
  for (const chart of ['gitlab-agent', 'gitlab-agent-server'])
    await pack(`${chart}-${VERSION}.tgz`, await chartContents(chart), checksums);

  const template = await readFile(join(root, 'krew-manifest.yaml'), 'utf8');
  const manifest = krewManifest(template, { version: VERSION, homepage, downloads, checksums });
  const problems = krewProblems(manifest);
  if (problems.length > 0) throw new Error(`krew would refuse the manifest: ${problems.join('; ')}`);
  const list = [...checksums].map(([file, checksum]) => `${checksum}  ${file}\n`).join('');
  await writeFile(join(out, 'krew-manifest.yaml'), manifest);
  await writeFile(join(out, 'checksums.txt'), list);
  await writeFile(join(out, 'release-notes.md'), notes);
  await writeFile(join(out, 'release.json'), gitlabRelease(notes, downloads, [...checksums.keys()]));
}

/** What GitLab's API takes to make a release of a tag that is there (POST /projects/:id/releases). */
function gitlabRelease(description: string, downloads: string, files: string[]): string {
  const tag = `v${VERSION}`;
  const links = ['checksums.txt', 'krew-manifest.yaml', ...files].map((name) => ({
    name,
    url: `${downloads}/${name}`,
    link_type: name.startsWith('kubectl') ? 'package' : 'other',
  }));
  return `${JSON.stringify({ tag_name: tag, name: tag, description, assets: { links } }, undefined, 2)}\n`;
}

function pluginArchive(suffix: string): string {
  return `kubectl-gitlab_agent_${VERSION}_${suffix}`;
}

/** Makes an archive, says how large it is, and notes its checksum. */
async function pack(file: string, entries: Entry[], checksums: Map<string, string>): Promise<void> {
  const path = join(out, file);
  await makeArchive(path, entries);
  const { size } = statSync(path);
  process.stdout.write(`${file}: ${(size / 1e6).toFixed(1)} MB\n`);
  if (size >= MOST_BYTES)
    throw new Error(
      `${file} is over ${MOST_BYTES / 1e6} MB: are libdeflate-gzip (libdeflate-tools) and llvm-strip (llvm) installed?`,
    );
  checksums.set(file, createHash('sha256').update(readFileSync(path)).digest('hex'));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
