import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { kubectl, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { findKubectl } from '../support/control-plane/binaries.ts';
import { type Front, front } from '../support/front.ts';
import { PLUGIN, plugin, pluginEnvironment, startPlugin } from '../support/plugin.ts';

const cwd = mkdtempSync(join(tmpdir(), 'cli-'));
test.after.always(() => rmSync(cwd, { recursive: true, force: true }));

function configMap(name: string, value: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {key: "${value}"}\n---\n`;
}

async function apply(ns: string, input: string): Promise<void> {
  await kubectl(['apply', '--server-side', '--field-manager=gitlab-agent', '-n', ns, '-f', '-'], { input });
}

test('the exit code says whether anything differs, or could not be told', async (t) => {
  const ns = await namespace(t);
  await apply(ns, configMap('same', '1'));
  const run = (input: string) => plugin(['diff', '-f', '-', '-n', ns], { input });
  const same = await run(configMap('same', '1'));
  t.like(same, { code: 0, stdout: 'nothing to change, 1 unchanged\n', stderr: '' });
  const changed = await run(configMap('same', '2') + configMap('new', '1'));
  t.is(changed.code, 1);
  t.regex(changed.stdout, /\n1 to create, 1 to change\n$/);
  const unknown = await run(configMap('same', '2') + configMap('bad', '1').replace('\ndata', '\ndat'));
  t.is(unknown.code, 2);
  t.regex(
    unknown.stdout,
    /^\? unknown {2}configmap\/bad -n \S+ {3}\(-:9\)\n {4}Invalid: dat: field not declared/,
  );
  t.regex(unknown.stdout, /\n1 to change, 1 unknown\n$/);
});

test('flags are read as kubectl reads them: glued, given twice, repeated', async (t) => {
  const ns = await namespace(t);
  writeFileSync(join(cwd, 'one.yaml'), configMap('one', '1'));
  writeFileSync(join(cwd, 'two.yaml'), configMap('two', '1'));
  const args = [
    'diff',
    '-fone.yaml',
    '-f',
    'two.yaml',
    '-njust-mistaken',
    `-n${ns}`,
    '-ojson',
    '-oname',
    '-v=6',
  ];
  const { code, stdout, stderr } = await plugin(args, { cwd });
  t.is(stdout, `configmap/one -n ${ns}\nconfigmap/two -n ${ns}\n`);
  t.is(code, 1);
  t.regex(stderr, /^GET https:\/\/\S+\/apis? (200 OK|304 Not Modified) in \d+ milliseconds\n/);
  t.regex(stderr, /\nPATCH https:\/\/\S+configmaps\/one\?\S+dryRun=All 201 Created in/);
});

test('colours are for terminals and for those who ask', async (t) => {
  const ns = await namespace(t);
  const run = async (args: string[], env = {}) =>
    (await plugin(['diff', '-f', '-', '-n', ns, ...args], { input: configMap('a', '1'), env })).stdout;
  t.notRegex(await run([]), /\x1b/);
  t.notRegex(await run(['--color', 'never']), /\x1b/);
  t.regex(await run(['--color=always'], { NO_COLOR: '1' }), /^\x1b\[32m\+ create\x1b\[39m/);
  t.notRegex(await run(['--color=always', '-o', 'json']), /\x1b/);
});

test('a reader that goes away early gets no stack trace, and the exit code still tells', async (t) => {
  const ns = await namespace(t);
  const input = configMap('large', 'x '.repeat(200_000));
  const { child, done, soFar } = startPlugin(['diff', '-f', '-', '-n', ns, '-o', 'json'], { input });
  child.stdout.once('data', () => child.stdout.destroy());
  t.like(await done, { code: 1, stderr: '' });
  t.true(soFar.stdout.length < 200_000);
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // Serial ones run before the others of the file: how soon it ends is not for their programs to say.
  test.serial(`${signal} ends the program with ${code} wherever it waits`, async (t) => {
    const ns = await namespace(t);
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    t.teardown(() => void silent.close());
    await using hanging: Front = await front(sharedCluster(), ({ method }) =>
      method === 'PATCH' ? 'hang' : undefined,
    );
    const { port } = (await waitFor(() => silent.address(), { what: 'the server' })) as { port: number };
    const input = configMap('a', '1') + configMap('b', '1') + configMap('c', '1');
    const places = {
      'for its standard input': startPlugin(['diff', '-f', '-'], { input: 'open' }),
      'for a connection': startPlugin(['diff', '-f', '-', '-s', `https://127.0.0.1:${port}`], { input }),
      'for a dry run': startPlugin(['diff', '-f', '-', '-n', ns, '-s', hanging.url], { input }),
    };
    t.teardown(() => Object.values(places).forEach(({ child }) => void child.kill('SIGKILL')));
    const asked = waitFor(() => hanging.seen.filter(({ method }) => method === 'PATCH').length === 3, {
      what: 'the dry runs',
    });
    const patient = waitFor(() => Object.values(places).every(({ soFar }) => soFar.stderr !== ''), {
      what: 'words of progress',
    });
    await Promise.all([asked, patient]);
    const start = Date.now();
    for (const [where, { child, done }] of Object.entries(places)) {
      child.kill(signal);
      t.like(await done, { code, stdout: '', stderr: '' }, where);
    }
    t.true(Date.now() - start < 3000);
  });
}

test('what takes long is told on stderr only', async (t) => {
  const ns = await namespace(t);
  await using slow = await front(sharedCluster(), ({ method }) =>
    method === 'PATCH' ? { late: 2500 } : undefined,
  );
  const args = ['diff', '-f', '-', '-n', ns, '-o', 'name'];
  const late = await plugin([...args, '-s', slow.url], { input: configMap('a', '1') });
  t.is(late.stdout, `configmap/a -n ${ns}\n`);
  // Where it is after a second is for the machine's load to say.
  t.regex(late.progress, /^((reading manifests|asking \S+ what it serves|comparing: 0 of 1 objects) …\n)+$/);
  t.is(late.stderr, '');
});

test('kubectl finds it by its name on PATH and passes flags and exit code on', async (t) => {
  const ns = await namespace(t);
  const bin = join(cwd, 'bin');
  mkdirSync(bin);
  symlinkSync(PLUGIN, join(bin, 'kubectl-gitlab_agent'));
  const env = { PATH: `${bin}:${pluginEnvironment().PATH}` };
  const program = [await findKubectl(), 'gitlab-agent'] as const;
  const run = (input: string) => plugin(['diff', '-f', '-', `-n=${ns}`, '-oname'], { input, env, program });
  t.like(await run(configMap('a', '1')), { code: 1, stdout: `configmap/a -n ${ns}\n` });
  t.is((await run('')).code, 2);
});

test('a Node that is too old says so in one line', async (t) => {
  const preload = join(cwd, 'old.cjs');
  writeFileSync(
    preload,
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.1' } });",
  );
  for (const args of [['version'], ['diff', '-f', '-']]) {
    t.like(await plugin(args, { nodeArgs: ['-r', preload] }), {
      code: 2,
      stdout: '',
      stderr:
        'error: kubectl gitlab-agent needs Node.js 22.19 or newer, and this is 20.18.1\nhint: put a newer node first in PATH\n',
    });
  }
});

test('output that can not be written is an error, not a silent success', async (t) => {
  const ns = await namespace(t);
  const input = configMap('full', '1');
  const { code, stderr } = await plugin(['diff', '-f', '-', '-n', ns], { input, stdout: '/dev/full' });
  t.is(stderr, "error: the output can't be written: no space is left on the disk\n");
  t.is(code, 2);
});
