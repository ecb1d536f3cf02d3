import test from 'ava';
import type { ObjectHealth } from '../../core/model/health.ts';
import { ApplyView } from '../../plugin/apply/apply-view.ts';
import { Progress, type ProgressIo } from '../../plugin/progress.ts';
import { frame } from '../../plugin/view.ts';
import { waitFor } from '../support/cluster.ts';

const SCREEN = { columns: 60, rows: 24 };

/** What a terminal shows after all that was written to it: lines, without colours. */
function shown(written: string): string[] {
  const lines = [''];
  let row = 0;
  for (const [part, up, control] of written.matchAll(/\x1b\[(\d*)([A-Za-z])|\r|\n|[^\x1b\r\n]+/g)) {
    if (part === '\n') {
      row += 1;
      lines[row] ??= '';
    } else if (control === 'A') row -= Number(up);
    else if (control === 'J') lines.length = row + 1;
    else if (part === '\r') lines[row] = `\r${lines[row]!.replace('\r', '')}`;
    else if (control === 'K') lines[row] = lines[row]!.split('\r')[0]!;
    else if (!control)
      lines[row] = lines[row]!.startsWith('\r') ? `${part}\r` : lines[row]!.replace('\r', '') + part;
    if (control === 'J') lines[row] = lines[row]!.startsWith('\r') ? '' : lines[row]!.split('\r')[0]!;
  }
  return lines.map((line) => line.replace('\r', ''));
}

function terminal(more: Partial<ProgressIo> = {}): { io: ProgressIo; written: () => string } {
  let text = '';
  const io: ProgressIo = {
    err: (part) => {
      text += part;
    },
    stderrIsTty: true,
    screen: () => SCREEN,
    env: {},
    ...more,
  };
  return { io, written: () => text };
}

test('lines are drawn over those before, make room for other text, and are gone at the end', async (t) => {
  const { io, written } = terminal();
  const progress = new Progress(io);
  let details = ['one', 'two', 'three'];
  progress.show(() => ({ plain: 'x …', head: 'working', bar: { done: 1, total: 4 }, details }));
  await waitFor(() => written().includes('three'), { what: 'the first frame' });
  t.deepEqual(shown(written()), ['█████░░░░░░░░░░░░░░░ working', '  one', '  two', '  three']);
  t.false(written().includes('\x1b[2J'));
  details = ['two'];
  const before = written().length;
  await waitFor(() => written().slice(before).includes('two'), { what: 'the next frame' });
  t.deepEqual(shown(written()).slice(0, 2), ['█████░░░░░░░░░░░░░░░ working', '  two']);
  progress.aside(() => io.err('a report\n'));
  const after = written().length;
  await waitFor(() => written().slice(after).includes('two'), { what: 'another frame' });
  progress.end();
  t.deepEqual(
    shown(written()).filter((line) => line !== ''),
    ['a report'],
  );
});

test('nothing is said in the first second, then one line every ten, and none after the end', (t) => {
  const { io, written } = terminal({ stderrIsTty: false });
  const asked: { ms: number; run: () => void; cancelled?: true }[] = [];
  const progress = new Progress(io, (ms, run) => {
    const timer: (typeof asked)[number] = { ms, run };
    asked.push(timer);
    return () => {
      timer.cancelled = true;
    };
  });
  progress.update('reading …');
  progress.update('asking …');
  t.is(written(), '');
  for (const step of [0, 1, 2]) {
    progress.update(`step ${step} …`);
    asked.at(-1)!.run();
  }
  t.is(written(), 'step 0 …\nstep 1 …\nstep 2 …\n');
  progress.end();
  t.deepEqual(
    asked.map(({ ms, cancelled = false }) => [ms, cancelled]),
    [
      [1000, false],
      [10_000, false],
      [10_000, false],
      [10_000, true],
    ],
  );
});

test('no colour where none is wanted, and plain lines where a terminal can not go back', async (t) => {
  const plain = terminal({ env: { NO_COLOR: '1' } });
  const dumb = terminal({ env: { TERM: 'dumb' } });
  const log = terminal({ stderrIsTty: false });
  const coloured = terminal();
  const all = [plain, dumb, log, coloured];
  const running = all.map(({ io }) => {
    const progress = new Progress(io);
    progress.show(() => ({
      plain: 'working …',
      head: 'working',
      bar: { done: 1, total: 2 },
      details: ['a'],
    }));
    return progress;
  });
  await waitFor(() => all.every(({ written }) => written() !== ''), { what: 'the first lines' });
  for (const progress of running) progress.end();
  t.false(plain.written().includes('\x1b[36m'));
  t.true(coloured.written().includes('\x1b[36m'));
  t.is(dumb.written(), 'working …\n');
  t.is(log.written(), 'working …\n');
});

const VIEW = { plain: 'p …', head: 'applying 5 of 10 objects', bar: { done: 5, total: 10 } };

const FRAMES: [string, Parameters<typeof frame>[0], { columns: number; rows: number }, string[]][] = [
  ['narrow: no bar', VIEW, { columns: 20, rows: 24 }, ['applying 5 of 10 o…']],
  [
    'wide characters are two columns, marks none',
    { plain: 'p …', head: '数据库の監視', details: ['e\u0301'.repeat(5), '한국어한국어'] },
    { columns: 11, rows: 24 },
    ['数据库の…', `  ${'e\u0301'.repeat(5)}`, '  한국어…'],
  ],
  [
    'more than there is room for',
    { ...VIEW, details: Array.from({ length: 20 }, (_none, index) => `line ${index}`) },
    { columns: 80, rows: 6 },
    ['██████████░░░░░░░░░░ applying 5 of 10 objects', '  line 0', '  line 1', '  and 18 more'],
  ],
  ['hardly a terminal', { ...VIEW, details: ['a', 'b'] }, { columns: 1, rows: 1 }, ['…']],
  ['a line for all', { plain: 'reading …' }, SCREEN, ['reading …']],
];

for (const [name, view, screen, expected] of FRAMES) {
  test(`a frame: ${name}`, (t) => t.deepEqual(frame(view, screen, false), expected));
}

test('shows what is written, longest first, then what is waited for', (t) => {
  let now = 0;
  const view = new ApplyView(() => now);
  const id = (name: string) => ({
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    namespace: 'shop',
    name,
  });
  view.planned(3);
  view.wave(2, 4);
  view.begin(id('a'));
  now = 2000;
  view.begin(id('b'));
  view.end(id('c'));
  now = 3500;
  t.deepEqual(view.view(), {
    plain: 'applying: 1 of 3 objects …',
    head: 'applying 1 of 3 objects, wave 2 of 4',
    bar: { done: 1, total: 3 },
    details: ['  3s  deployment.apps/a -n shop', '  1s  deployment.apps/b -n shop'],
  });
  const unwell = (name: string): ObjectHealth => ({
    id: id(name),
    health: {
      status: 'progressing',
      reason: 'TooFewAvailable',
      message: '0 of 1\nreplica is \x1b[31mavailable',
    },
  });
  view.end(id('a'));
  view.end(id('b'));
  view.health([unwell('a')]);
  now = 9500;
  view.health([unwell('b'), unwell('a')]);
  t.deepEqual(view.view(), {
    plain: 'waiting for deployment.apps/b -n shop (progressing, TooFewAvailable) and 1 more …',
    head: 'waiting, 2 not healthy yet',
    bar: { done: 1, total: 3 },
    details: [
      '  6s  deployment.apps/a -n shop: progressing, TooFewAvailable: 0 of 1 replica is \\x1b[31mavailable',
      '  0s  deployment.apps/b -n shop: progressing, TooFewAvailable: 0 of 1 replica is \\x1b[31mavailable',
    ],
  });
});
