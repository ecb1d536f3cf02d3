import test from 'ava';
import type { Change } from '../../../core/model/plan.ts';
import { LEAST_BUDGET, markdown } from '../../../core/report/markdown.ts';
import { change, id, numbered, SAMPLES } from './samples.ts';

const NASTY = [
  '```',
  '````',
  '~~~',
  '</details>',
  '<script>alert(1)</script>',
  '@all @root',
  '/merge',
  '/close',
  '#123 !45 ~bug %1 $2',
  '[x](https://evil.example.com)',
  '![x](https://evil.example.com/x.png)',
  'www.evil.example.com',
  'a@evil.example.com',
  'a | b \\| c \\',
  '`code` ``more``',
  '\u001b[2J\u202e\u2028/merge',
  '| --- |',
  '> quote',
  '>>>',
  '- [ ] task',
  '&commat;all',
  '🚀'.repeat(40),
];

const HOSTILE: Change[] = NASTY.flatMap((text, index): Change[] => [
  {
    id: { group: text, version: 'v1', kind: text, namespace: text, name: `${text}EVIL${index}` },
    action: 'update',
    reason: `EVIL ${text}`,
    message: `EVIL\n${text}\n\n${text}`,
    source: { file: `EVIL\n${text}`, line: 1 },
    before: { [text]: `${NASTY.join('\n')}\nEVIL`, '/merge': 'EVIL', keep: text },
    after: { [text]: `EVIL\n${NASTY.join('\n')}`, '/merge': 'EVIL now', keep: text },
    yielded: [`EVIL ${text}`],
    conflicts: [{ path: text, manager: `EVIL\n${text}` }],
  },
  { ...change('unchanged', undefined, undefined), reason: `EVIL ${text}`, message: text },
]);

/** What a reader of CommonMark takes as prose: no fenced blocks, code spans or `<code>`; fails if one is open. */
function proseOf(part: string): string[] {
  const prose: string[] = [];
  let fence: string | undefined;
  let open = 0;
  for (const line of part.split('\n')) {
    const run = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence) {
      if (run && run[1]!.startsWith(fence) && run[2]!.trim() === '') fence = undefined;
      continue;
    }
    if (run) {
      fence = run[1]!;
      continue;
    }
    if (line === '<details>') open += 1;
    if (line === '</details>') open -= 1;
    prose.push(
      line.replace(/<code>[^<]*<\/code>/g, 'CODE').replace(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, 'CODE'),
    );
  }
  if (fence || open !== 0) throw new Error('a fence or details block is open at the end');
  return prose;
}

test('nothing in a manifest becomes Markdown, HTML, a mention, a reference or a quick action', (t) => {
  for (const part of markdown(HOSTILE)) {
    t.notRegex(part, /^\//m);
    t.notRegex(part, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]/);
    for (const line of proseOf(part)) {
      t.notRegex(line, /EVIL|evil|@|#\d|!\d|\bbug\b|merge|\]\(/, line);
      t.true(/^<\/?details>$|^<summary>\w+ CODE<\/summary>$/.test(line) || !/[<>]/.test(line), line);
    }
  }
});

test('table rows have four cells whatever is in them', (t) => {
  const rows = markdown(HOSTILE)[0]!
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.includes('EVIL'));
  t.is(rows.length, NASTY.length);
  for (const row of rows) {
    // Both readings of a backslash before a pipe that exist: GFM's own, and the one in which `\\` is an escape.
    t.is(row.split(/(?<!\\)\|/).length, 6, row);
    t.is(row.replace(/\\./g, '').split('|').length, 6, row);
  }
});

test('what is dangerous comes first: in the counts, and by name', (t) => {
  t.true(
    markdown(SAMPLES)[0]!.startsWith(
      '### Kubernetes diff: 1 unknown, 1 to delete, 1 held back, 1 to replace, 3 to create, 4 to ',
    ),
  );
  const note = markdown(SAMPLES)[0]!;
  const named = [
    '**Deletes:** `configmap/old -n shop`',
    '**Deletes and creates again:** `statefulset.apps/db -n shop`',
  ];
  for (const line of named) t.true(note.indexOf(line) > 0 && note.indexOf(line) < note.indexOf('| Action |'));
});

test('parts keep to the budget in bytes, stand alone, and hold every object once', (t) => {
  const changes = Array.from({ length: 90 }, (_, index) => ({
    ...change('create', undefined, { data: { text: numbered(20 + index, 'ü🚀 ') } }),
    id: id('ConfigMap', `object-${index}.`),
  }));
  const parts = markdown(changes, { budget: 16_000 });
  t.true(parts.length > 3);
  parts.forEach((part, index) => {
    t.true(Buffer.byteLength(part) <= 16_000);
    t.regex(
      part,
      new RegExp(`^### Kubernetes diff: 90 to create \\(part ${index + 1} of ${parts.length}\\)\n`),
    );
    t.is(part.match(/^<details>$/gm)!.length, part.match(/^\| create \|/gm)!.length);
    t.notThrows(() => proseOf(part));
  });
  for (const { id } of changes) {
    t.is(parts.filter((part) => part.includes(`<code>configmap/${id.name} `)).length, 1);
  }
});

test('an object that is too large for a part says so, and its neighbours are shown', (t) => {
  const wide = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, 'x'.repeat(400)]));
  const parts = markdown(
    [
      change('create', undefined, { a: 1 }),
      change('create', undefined, wide),
      change('create', undefined, { b: 2 }),
    ],
    { budget: 20_000 },
  );
  t.is(parts.length, 1);
  t.regex(parts[0]!, /^The diff of this object has \d+ bytes, too many for this note\.$/m);
  t.regex(parts[0]!, /^\+a: 1$/m);
  t.regex(parts[0]!, /^\+b: 2$/m);
});

test('the smallest budget holds even the widest names', (t) => {
  const name = '\u{1f680}`|'.repeat(500);
  const widest = {
    ...change('delete', { a: 'x'.repeat(50_000) }, undefined),
    id: id(name, name, name, name),
  };
  const parts = markdown(
    [widest, { ...widest, reason: name, message: name, source: { file: name, line: 1 } }],
    {
      budget: LEAST_BUDGET,
    },
  );
  for (const part of parts) t.true(Buffer.byteLength(part) <= LEAST_BUDGET);
  t.throws(() => markdown([], { budget: LEAST_BUDGET - 1 }), { instanceOf: RangeError });
});

test('with nothing to say there is one part with a heading', (t) => {
  t.deepEqual(markdown([]), ['### Kubernetes diff: no objects\n']);
});
