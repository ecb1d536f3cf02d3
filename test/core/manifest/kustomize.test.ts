import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { configMap, directoryWith, names, places, read } from './reading.ts';

const files = { 'k/kustomization.yaml': 'namePrefix: p-\nresources: [a.yaml]\n', 'k/a.yaml': configMap('a') };

/** A PATH with this script as `kustomize` only. */
async function fakePath(t: Parameters<typeof directoryWith>[0], script: string): Promise<NodeJS.ProcessEnv> {
  const directory = await directoryWith(t);
  const program = join(directory, 'kustomize');
  await writeFile(program, `#!/bin/sh\n${script}`);
  await chmod(program, 0o755);
  return { PATH: `${directory}:/usr/bin:/bin` };
}

test('a kustomization is built; its objects have the directory as their file', async (t) => {
  const result = await read(await directoryWith(t, files), [], { kustomizations: ['k'] });
  t.deepEqual(result.problems, []);
  t.deepEqual(names(result), ['p-a']);
  t.is(result.manifests[0]!.source.file, 'k');
});

test('neither kustomize nor kubectl: one sentence', async (t) => {
  const directory = await directoryWith(t, files);
  const { problems } = await read(directory, [], { kustomizations: ['k'], env: { PATH: '/nowhere' } });
  t.is(problems[0]?.code, 'NoKustomize');
});

test('what kustomize complains about becomes a sentence without a stack', async (t) => {
  const env = await fakePath(
    t,
    'echo "# Warning: old" >&2\necho "Error: accumulating resources: no such file $2/b.yaml" >&2\necho "goroutine 1 [running]:" >&2\nexit 1\n',
  );
  const { problems } = await read(await directoryWith(t, files), [], { kustomizations: ['k'], env });
  t.is(
    problems[0]?.message,
    'kustomize could not build the kustomization: accumulating resources: no such file k/b.yaml',
  );
});

test('what newer kubectl logs is read as what it says', async (t) => {
  const env = await fakePath(
    t,
    `echo 'E1126 04:30:26.952410   13397 run.go:72] "command failed" err="no matches for \\"b.yaml\\""' >&2; exit 1`,
  );
  const { problems } = await read(await directoryWith(t, files), [], { kustomizations: ['k'], env });
  t.is(problems[0]?.message, 'kustomize could not build the kustomization: no matches for "b.yaml"');
});

test('what it says about secrets stays unsaid', async (t) => {
  const env = await fakePath(
    t,
    'echo "Error: invalid literal source hunter2, expected key=value" >&2; exit 1',
  );
  const { problems } = await read(await directoryWith(t, files), [], { kustomizations: ['k'], env });
  t.is(problems[0]?.code, 'Kustomize');
  t.false(JSON.stringify(problems).includes('hunter2'));
});

test('endless output is cut, and an abort ends it', async (t) => {
  const directory = await directoryWith(t, files);
  const env = await fakePath(t, 'exec yes "a: b"');
  t.deepEqual(
    places(await read(directory, [], { kustomizations: ['k'], env, limits: { fileBytes: 1_000_000 } })),
    ['TooLarge k'],
  );
  const controller = new AbortController();
  const reading = read(directory, [], {
    kustomizations: ['k'],
    env: await fakePath(t, 'exec sleep 100'),
    signal: controller.signal,
  });
  controller.abort(new Error('stopped'));
  await t.throwsAsync(reading, { message: 'stopped' });
});

for (const [title, kustomize, code] of [
  ['a directory that is not there', 'nope', 'NotFound k'],
  ['a file', 'k/a.yaml', 'NotFound k/a.yaml'],
  ['a URL', 'https://example.com/x', 'UrlRefused https://example.com/x'],
] as const) {
  test(`refused: ${title}`, async (t) => {
    t.deepEqual(places(await read(await directoryWith(t, files), [], { kustomizations: [kustomize] })), [
      code.replace(/ k$/, ` ${kustomize}`),
    ]);
  });
}
