import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32, inflateRawSync } from 'node:zlib';
import test from 'ava';
import { parse, stringify } from 'yaml';
import { VERSION } from '../../../tools/bundle-options.ts';
import { makeArchive } from '../../../tools/release/archive.ts';
import { bundleContents } from '../../../tools/release/contents.ts';
import { krewManifest } from '../../../tools/release/krew.ts';
import { krewProblems } from '../../../tools/release/krew-rules.ts';
import { releaseNotes } from '../../../tools/release/notes.ts';
import { withoutSignature } from '../../../tools/release/signature.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const scratch = mkdtempSync(join(tmpdir(), 'release-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

test('the npm package holds the programs, their licences and schemas, and nothing else', (t) => {
  const out = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const [{ files, version, bundled }] = JSON.parse(out);
  t.is(version, VERSION);
  t.deepEqual(bundled, []);
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  const rest = paths.filter((path) => !/^(dist\/(action|agent|plugin|server)|schemas)\//.test(path));
  t.deepEqual(rest.sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist/LICENSES.txt', 'package.json']);
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const path of Object.values<string>(bin)) {
    t.true(paths.includes(path), path);
    t.is(files.find((file: { path: string }) => file.path === path).mode, 0o755, path);
    t.regex(readFileSync(join(root, path), 'utf8'), /^#!\/usr\/bin\/env node\n/, path);
  }
  t.deepEqual(
    paths.filter((path) => /^schemas\//.test(path) && !path.endsWith('.schema.json')),
    [],
  );
});

test('an archive has the same bytes for the same files, in whatever order and under whatever umask', async (t) => {
  const entries = [
    { name: 'b', text: 'two\n', executable: true },
    { name: 'a/c', text: 'one\n' },
  ];
  for (const suffix of ['tar.gz', 'zip']) {
    const [first, second] = [join(scratch, `1.${suffix}`), join(scratch, `2.${suffix}`)];
    await makeArchive(first, entries);
    await makeArchive(second, entries.toReversed());
    t.deepEqual(readFileSync(first), readFileSync(second), suffix);
  }
  const listed = execFileSync('tar', ['-tvzf', join(scratch, '1.tar.gz')], {
    encoding: 'utf8',
    env: { TZ: 'UTC', PATH: process.env.PATH },
  });
  t.regex(listed, /^-rw-r--r-- 0\/0 +4 1980-01-01 00:00 a\/c\n-rwxr-xr-x 0\/0 +4 1980-01-01 00:00 b\n$/);
  t.deepEqual(unzip(readFileSync(join(scratch, '1.zip'))), ['a/c 100644 one\n', 'b 100755 two\n']);
  await t.throwsAsync(
    makeArchive(join(scratch, '3.tar.gz'), [{ name: 'x', from: join(scratch, 'nowhere') }]),
  );
});

/** What a reader of zip files finds by the directory at the end: name, mode and content of each. */
function unzip(file: Buffer): string[] {
  const end = file.length - 22;
  let at = file.readUInt32LE(end + 16);
  return Array.from({ length: file.readUInt16LE(end + 10) }, () => {
    const [packed, nameLength] = [file.readUInt32LE(at + 20), file.readUInt16LE(at + 28)];
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    const local = file.readUInt32LE(at + 42);
    const begin = local + 30 + file.readUInt16LE(local + 26);
    const bytes = inflateRawSync(file.subarray(begin, begin + packed));
    if (crc32(bytes) !== file.readUInt32LE(at + 16)) throw new Error(`${name}: wrong checksum`);
    const mode = (file.readUInt32LE(at + 38) >>> 16).toString(8);
    at += 46 + nameLength;
    return `${name} ${mode} ${bytes}`;
  });
}

const TEMPLATE = readFileSync(join(root, 'krew-manifest.yaml'), 'utf8');
const SUFFIXES = ['linux_amd64.tar.gz', 'linux_arm64.tar.gz', 'windows_amd64.zip', 'darwin_all.tar.gz'];
const FACTS = {
  version: VERSION,
  homepage: 'https://example.com/gitlab-agent',
  downloads: 'https://example.com/downloads',
  checksums: new Map(
    SUFFIXES.map((suffix) => [
      `kubectl-gitlab_agent_${VERSION}_${suffix}`,
      createHash('sha256').update(suffix).digest('hex'),
    ]),
  ),
};

test('the manifest for krew is what krew and its index accept, with the checksum of each archive', (t) => {
  const text = krewManifest(TEMPLATE, FACTS);
  t.deepEqual(krewProblems(text), []);
  const { metadata, spec } = parse(text);
  t.is(metadata.name, 'gitlab-agent');
  t.is(spec.version, `v${VERSION}`);
  for (const { uri, sha256 } of spec.platforms)
    t.is(sha256, FACTS.checksums.get(uri.replace(`${FACTS.downloads}/`, '')), uri);
  t.is(spec.platforms.length, SUFFIXES.length);
  t.false(text.includes('$'));
});

test('a manifest without one of its archives is not made', (t) => {
  const checksums = new Map([...FACTS.checksums].slice(1));
  t.throws(() => krewManifest(TEMPLATE, { ...FACTS, checksums }), {
    message: /linux_amd64.tar.gz, and that archive was not made$/,
  });
  t.throws(() => krewManifest(TEMPLATE.replace('HOMEPAGE', 'NOTHING'), FACTS), {
    message: /asks for \$\{NOTHING\}/,
  });
});

// What is broken in a good manifest, and what krew says of it.
type Spec = Record<string, unknown> & { platforms: Record<string, unknown>[] };
const BROKEN: [
  what: string,
  (manifest: { metadata: { name: string }; spec: Spec }) => unknown,
  problem: RegExp,
][] = [
  ['a version without v', ({ spec }) => (spec.version = '1.0.0'), /^the version 1.0.0/],
  ['a name with a slash', ({ metadata }) => (metadata.name = 'a/b'), /^the name "a\/b"/],
  ['a name that Windows keeps for itself', ({ metadata }) => (metadata.name = 'nul'), /^the name "nul"/],
  ['an address without TLS', ({ spec }) => (spec.homepage = 'http://example.com'), /^homepage/],
  ['no short description', ({ spec }) => delete spec.shortDescription, /^shortDescription is not one line/],
  [
    'a long short description',
    ({ spec }) => (spec.shortDescription = 'a'.repeat(51)),
    /^shortDescription is over 50/,
  ],
  ['no platforms', ({ spec }) => (spec.platforms = []), /^there are no platforms/],
  [
    'a checksum in capitals',
    ({ spec }) => (spec.platforms[0]!.sha256 = 'A'.repeat(64)),
    /^platforms\[0\]: sha256/,
  ],
  [
    'an archive of another kind',
    ({ spec }) => (spec.platforms[0]!.uri = 'https://example.com/a.tar.xz'),
    /^platforms\[0\]: uri/,
  ],
  ['no program', ({ spec }) => delete spec.platforms[1]!.bin, /^platforms\[1\]: bin is not a path/],
  [
    'a script for Windows',
    ({ spec }) => (spec.platforms[2]!.bin = 'agent.cmd'),
    /^platforms\[2\]: bin is not an .exe/,
  ],
  [
    'an unknown machine',
    ({ spec }) => (spec.platforms[0]!.selector = { matchLabels: { os: 'plan9' } }),
    /fits no machine/,
  ],
  [
    'another label',
    ({ spec }) => (spec.platforms[0]!.selector = { matchLabels: { cpu: 'x' } }),
    /does not name os and arch/,
  ],
  [
    'two for one machine',
    ({ spec }) => (spec.platforms[0]!.selector = { matchLabels: { os: 'linux' } }),
    /^2 platforms are for linux\/arm64/,
  ],
  ['empty files', ({ spec }) => (spec.platforms[0]!.files = []), /files lack from and to/],
];
for (const [what, breakIt, problem] of BROKEN) {
  test(`krew refuses ${what}`, (t) => {
    const manifest = parse(krewManifest(TEMPLATE, FACTS));
    breakIt(manifest);
    const problems = krewProblems(stringify(manifest));
    t.true(
      problems.some((found) => problem.test(found)),
      problems.join('\n'),
    );
  });
}

test('release notes are what the changelog says of the version', (t) => {
  const changelog =
    '# Changelog\n\n## Unreleased\n\n## 1.10.0 (2026-02-03)\n\n### Added\n\n- b\n\n## [1.1.0] - 2026-01-02\n\n- a\n';
  t.is(releaseNotes(changelog, '1.10.0'), '### Added\n\n- b\n');
  t.is(releaseNotes(changelog, '1.1.0'), '- a\n');
  for (const version of ['1.1', '2.0.0', 'Unreleased'])
    t.throws(() => releaseNotes(changelog, version), {
      message: new RegExp(`^CHANGELOG.md says nothing of ${version}:`),
    });
});

test('the launcher starts the bundle through links, and says so where there is no Node', async (t) => {
  const store = join(scratch, 'store');
  for (const entry of await bundleContents([])) {
    mkdirSync(dirname(join(store, entry.name)), { recursive: true });
    if ('from' in entry) cpSync(entry.from, join(store, entry.name));
    else writeFileSync(join(store, entry.name), entry.text);
  }
  mkdirSync(join(scratch, 'links'));
  symlinkSync('../store/kubectl-gitlab_agent', join(scratch, 'links', 'one'));
  symlinkSync(join(scratch, 'links', 'one'), join(scratch, 'links', 'two'));
  // What it needs of a system, without its Node.
  const tools = join(scratch, 'tools');
  mkdirSync(tools);
  for (const tool of ['sh', 'readlink', 'dirname'])
    symlinkSync(
      execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(),
      join(tools, tool),
    );
  const start = (path: string) =>
    spawnSync('/bin/sh', [join(scratch, 'links', 'two'), 'version'], {
      env: { PATH: path },
      encoding: 'utf8',
    });
  t.like(start(`${dirname(process.execPath)}:${tools}`), {
    status: 0,
    stdout: `kubectl gitlab-agent v${VERSION}\n`,
  });
  t.like(start(tools), {
    status: 2,
    stdout: '',
    stderr:
      'error: kubectl gitlab-agent needs Node.js 22.19 or newer here, and there is no node on PATH\nhint: brew install node\n',
  });
});

test('a Windows executable loses its signature, and nothing else', (t) => {
  const file = Buffer.alloc(0x400, 7);
  file.writeUInt32LE(0x80, 0x3c);
  file.write('PE\0\0', 0x80, 'latin1');
  file.writeUInt16LE(0x20b, 0x80 + 24);
  const entry = 0x80 + 24 + 112 + 32;
  file.writeUInt32LE(0x300, entry);
  file.writeUInt32LE(0x100, entry + 4);
  const expected = Buffer.from(file.subarray(0, 0x300));
  expected.fill(0, entry, entry + 8);
  t.deepEqual(withoutSignature(file), expected);
  t.deepEqual(withoutSignature(expected), expected);
  t.throws(() => withoutSignature(Buffer.alloc(0x200)), { message: 'this is no 64-bit Windows executable' });
  t.throws(() => withoutSignature(Buffer.concat([file, Buffer.alloc(8)])), { message: /not at the end/ });
});
