import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { configMap, directoryWith, names, places, read } from './reading.ts';

const files = {
  'a.yaml': configMap('a'),
  'b.yml': configMap('b'),
  'c.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}',
  'README.md': 'read me',
  '.hidden.yaml': configMap('hidden'),
  'sub/d.yaml': configMap('d'),
  'sub/.dots/e.yaml': configMap('e'),
  'values/values.yaml': 'replicas: 3\n',
  'values/list.yaml': '- 1\n',
  'values/broken.json': '{ // comment\n}',
};

const selections: [title: string, filenames: string[], recursive: boolean, found: string[]][] = [
  ['a directory', ['.'], false, ['a', 'b', 'c']],
  ['a directory and those below', ['.'], true, ['a', 'b', 'c', 'd']],
  ['files in the order given', ['c.json', 'a.yaml'], false, ['c', 'a']],
  ['a hidden file that is named', ['.hidden.yaml'], false, ['hidden']],
  ['a hidden directory that is named', ['sub/.dots'], false, ['e']],
  ['a glob', ['*.y*ml'], false, ['a', 'b']],
  ['a glob over directories', ['**/*.yaml'], false, ['a', 'd']],
  ['a glob with a hidden part', ['sub/.*/*.yaml'], false, ['e']],
  ['a glob that matches a directory', ['su?'], false, ['d']],
  ['a glob without a name', ['*'], false, ['a', 'b', 'c', 'd']],
  ['overlapping arguments', ['a.yaml', '.', '*.yaml'], false, ['a', 'b', 'c']],
];
for (const [title, filenames, recursive, found] of selections) {
  test(`selected: ${title}`, async (t) => {
    const result = await read(await directoryWith(t, files), filenames, { recursive });
    t.deepEqual(result.problems, []);
    t.deepEqual(names(result), found);
  });
}

test('files without apiVersion and kind are left out of directories with one notice, and refused by name', async (t) => {
  const directory = await directoryWith(t, files);
  const { notices, problems } = await read(directory, ['values']);
  t.deepEqual(problems, []);
  t.deepEqual(notices, [
    'left out 3 files without apiVersion and kind: values/broken.json, values/list.yaml, values/values.yaml',
  ]);
  t.deepEqual(places(await read(directory, ['values/values.yaml'])), [
    'MissingField values/values.yaml 1 1',
    'MissingField values/values.yaml 1 1',
  ]);
});

const refusals: [title: string, filenames: string[], ...expected: string[]][] = [
  ['a file that is not there', ['nope.yaml'], 'NotFound nope.yaml'],
  ['a directory without manifests', ['empty'], 'NothingFound empty'],
  ['a glob without matches', ['x*.yaml'], 'NothingFound x*.yaml'],
  ['a glob that is not closed', ['{a,b'], 'BadGlob {a,b'],
  ['a URL', ['https://example.com/a.yaml'], 'UrlRefused https://example.com/a.yaml'],
  ['a kustomization', ['kustom'], 'Kustomization kustom'],
  ['a glob over a kustomization', ['kustom/*.yaml'], 'Kustomization kustom'],
  ['all of them', ['nope.yaml', 'a.yaml', 'empty'], 'NotFound nope.yaml', 'NothingFound empty'],
];
for (const [title, filenames, ...expected] of refusals) {
  test(`refused: ${title}`, async (t) => {
    const directory = await directoryWith(t, {
      ...files,
      'empty/x.txt': '',
      'kustom/kustomization.yaml': 'resources: []',
      'kustom/x.yaml': configMap('x'),
    });
    t.deepEqual(places(await read(directory, filenames)), expected);
  });
}

test('links: inside the directory they count, out of it, nowhere and in a circle they are refused', async (t) => {
  const directory = await directoryWith(t, {
    'in/a.yaml': configMap('a'),
    'in/sub/b.yaml': configMap('b'),
    'out/x.yaml': configMap('x'),
  });
  await symlink('sub/b.yaml', join(directory, 'in/c.yaml'));
  await symlink('../out/x.yaml', join(directory, 'in/d.yaml'));
  await symlink('nowhere.yaml', join(directory, 'in/e.yaml'));
  await symlink('f.yaml', join(directory, 'in/f.yaml'));
  await symlink('..', join(directory, 'in/sub/up'));
  await symlink('../../out', join(directory, 'in/sub/out'));
  const result = await read(directory, ['in']);
  t.deepEqual(names(result), ['a', 'b']);
  t.deepEqual(places(result), ['BadLink in/d.yaml', 'BadLink in/e.yaml', 'BadLink in/f.yaml']);
  t.deepEqual(places(await read(directory, ['in/sub'], { recursive: true })), [
    'BadLink in/sub/out',
    'BadLink in/sub/up',
  ]);
  t.deepEqual(names(await read(directory, ['in/d.yaml'])), ['x']);
});

test('standard input, and a pipe by name', async (t) => {
  const result = await read('/', ['-'], { stdin: async () => Buffer.from(configMap('a')) });
  t.deepEqual(result.manifests[0]!.source, { file: '-', line: 1, column: 1 });
  const directory = await directoryWith(t);
  const pipe = join(directory, 'pipe');
  const make = 'mkfifo';
  await once(spawn(make, [pipe]), 'close');
  const writer = spawn('sh', [
    '-c',
    `printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: b}\\n' > ${pipe}`,
  ]);
  const written = once(writer, 'close');
  t.deepEqual(names(await read(directory, ['pipe'])), ['b']);
  await written;
});

const bytes: [title: string, content: Buffer, ...expected: string[]][] = [
  ['UTF-16', Buffer.from(`\ufeff${configMap('a')}`, 'utf16le'), 'NotUtf8 a.yaml 1 1'],
  ['Latin-1', Buffer.from(`${configMap('a')}data: {a: "caf\xe9"}`, 'latin1'), 'NotUtf8 a.yaml 4 15'],
  [
    'a sign for unknown characters, then bad bytes',
    Buffer.concat([Buffer.from('a: \ufffd\n'), Buffer.from([0xff])]),
    'NotUtf8 a.yaml 2 1',
  ],
  ['an archive', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]), 'NotUtf8 a.yaml 1 2'],
  ['NULs', Buffer.alloc(1000), 'ControlCharacter a.yaml 1 1'],
  ['an executable', Buffer.from('\x7fELF\x02\x01\x01\0\0'), 'ControlCharacter a.yaml 1 1'],
];
for (const [title, content, ...expected] of bytes) {
  test(`bytes that are no manifest: ${title}`, async (t) => {
    t.deepEqual(places(await read(await directoryWith(t, { 'a.yaml': content }), ['a.yaml'])), expected);
  });
}

test('50 MB: values or a sentence, within seconds', async (t) => {
  const size = 50 * 1024 * 1024;
  const directory = await directoryWith(t, {
    'documents.yaml': `${configMap('a')}${`---\n${'# nothing\n'.repeat(100_000)}`.repeat(52)}`,
    'one.yaml': `${configMap('b')}data: {x: ${'y'.repeat(size - 1000)}}`,
    'larger.yaml': Buffer.alloc(size + 1, 0x61),
    'list.json': `{"apiVersion":"v1","kind":"List","items":[${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { x: 'y'.repeat(size - 1000) } })}]}`,
  });
  const start = performance.now();
  const result = await read(directory, ['.']);
  t.deepEqual(names(result), ['a', 'c']);
  t.deepEqual(places(result), ['TooLarge larger.yaml', 'TooLarge one.yaml 1 1']);
  t.true(performance.now() - start < 20_000);
});

test('limits of files and of bytes', async (t) => {
  const directory = await directoryWith(t, files);
  t.deepEqual(places(await read(directory, ['.'], { limits: { files: 2 } })), ['TooManyFiles c.json']);
  t.deepEqual(places(await read(directory, ['a.yaml'], { limits: { fileBytes: 10 } })), ['TooLarge a.yaml']);
  t.deepEqual(places(await read(directory, ['.'], { limits: { totalBytes: 100 } })), ['TooLarge b.yml']);
});

test('a problem in many objects is told a hundred times, not more', async (t) => {
  const { problems } = await read('/', ['-'], {
    stdin: async () => Buffer.from('kind: A\n---\n'.repeat(5000)),
  });
  t.is(problems.length, 101);
});

test('an abort ends the reading', async (t) => {
  const directory = await directoryWith(t, files);
  await t.throwsAsync(read(directory, ['.'], { signal: AbortSignal.abort(new Error('stopped')) }), {
    message: 'stopped',
  });
});

test('the default namespace counts where the same object is given twice', async (t) => {
  const text = `${configMap('a')}---\n${configMap('a').replace('}', ', namespace: team}')}`;
  const options = { stdin: async () => Buffer.from(text) };
  t.deepEqual(places(await read('/', ['-'], options)), []);
  t.deepEqual(places(await read('/', ['-'], { ...options, defaultNamespace: 'team' })), [
    'DuplicateObject - 5 1',
  ]);
});
