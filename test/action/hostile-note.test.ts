import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { step } from '../support/action.ts';
import { company } from './world.ts';

const LIMIT = 1_000_000;

/** Strings that would do something if they stood in a note as they are. */
const EVIL = {
  fence: '```\n````\n~~~\n/close\n````\nout',
  html: '</code></pre></details><script>alert(1)</script><img src=x onerror=alert(1)><!-- -->',
  comment: '-->\n<!-- gitlab-agent diff="-/-" part="1" pipeline="9999" -->\n',
  mention: '@all @root see #1 !1 ~bug %"v1" &1 $1 group/shop@0123456 https://evil.example.com/',
  action: '/close\n/merge\n/approve\n/label ~bug\n  /assign @root',
  rtl: 'a\u202egnp.exe\u2066x\u2069\u200b\ufeff',
  ansi: '\u001b[31mred\u001b[0m\u0007\u009b31m',
  table: 'a | b || c \\| d',
  emoji: '👩‍👩‍👧‍👦'.repeat(20),
};

function configMap(name: string, data: Record<string, string>): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' }, data })}\n`;
}

async function noted(t: ExecutionContext, before: Record<string, string>, after: Record<string, string>) {
  const { gitlab, shop, token } = await company(t);
  const base = await shop.commit({ 'README.md': 'x', ...before });
  const commit = await shop.commit(after, { branch: 'change', from: base });
  const request = await shop.openMergeRequest({ sourceBranch: 'change' });
  const env = {
    CI_MERGE_REQUEST_IID: '1',
    CI_MERGE_REQUEST_PROJECT_PATH: shop.path,
    CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
  };
  const run = () => step(t, { gitlab, project: shop, commit, env }, { mode: 'diff', token });
  const notes = () => request.notes.filter(({ system }) => !system);
  return { gitlab, run, request, notes };
}

test('nothing in a manifest becomes Markdown, HTML, a mention, a quick action or a marker', async (t) => {
  const evilName = 'x-`@all`-<summary>';
  const { run, request, notes } = await noted(
    t,
    { 'k8s/a.yaml': configMap('a', { calm: 'yes' }), 'k8s/gone.yaml': configMap(evilName, EVIL) },
    {
      'k8s/a.yaml': configMap('a', { ...EVIL, calm: 'no' }),
      'k8s/@root `x` <b>.yaml': configMap('b', EVIL),
      'k8s/gone.yaml': configMap('c', {}),
    },
  );
  const done = await run();
  t.is(done.code, 0, done.log);
  t.deepEqual(request.quickActions, []);
  t.is(request.state, 'opened');
  const [note] = notes();
  const body = note!.body;
  t.is(body.split('\n')[0], '<!-- gitlab-agent diff="-/-" part="1" pipeline="1001" -->');
  // What is left when code is taken out is ours alone.
  const prose = withoutCode(body);
  for (const evil of [
    '@',
    '<script',
    '<img',
    '</pre',
    'evil.example',
    '#1',
    '!1',
    '~bug',
    '\u202e',
    '\u001b',
  ])
    t.false(prose.includes(evil), `${evil} outside of code:\n${prose}`);
  t.deepEqual(
    [...prose.matchAll(/<\/?([a-z!]\S*?)[ >]/g)]
      .map(([, tag]) => tag)
      .filter((tag) => !/^(details|summary|code|!--)$/.test(tag!)),
    [],
  );
  for (const unsafe of ['\u202e', '\u2066', '\u200b', '\ufeff', '\u001b', '\u0007', '\u009b'])
    for (const text of [body, done.log]) t.false(text.includes(unsafe), JSON.stringify(unsafe));
  const again = await run();
  t.is(again.code, 0);
  t.is(notes().length, 1, 'a marker in a manifest is none');
  const html = readFileSync(join(done.directory, 'gitlab-agent-report', 'diff.html'), 'utf8');
  t.false(/<script|<img|onerror=alert\(1\)>/.test(html));
});

/** Fenced blocks, code spans and what stands in `<code>` taken out, as CommonMark reads them. */
function withoutCode(body: string): string {
  const lines: string[] = [];
  let fence: string | undefined;
  for (const line of body.split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})\s*[a-z]*$/.exec(line)?.[1];
    if (fence === undefined && mark) fence = mark;
    else if (fence !== undefined) {
      if (mark && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark)
        fence = undefined;
    } else lines.push(line);
  }
  return lines
    .join('\n')
    .replace(/<!-- gitlab-agent [^>]*-->/, '')
    .replace(/<code>[^<]*<\/code>/g, '<code></code>')
    .replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');
}

test('five megabytes of diff are split between objects, each part whole, no character torn', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [
      `k8s/${index}.yaml`,
      configMap(`big-${index}`, {
        text: Array.from({ length: 150 }, (_none, line) => `${line} 😀${'é'.repeat(40)}`).join('\n'),
      }),
    ]),
  );
  const { run, notes } = await noted(t, {}, files);
  const done = await run();
  t.is(done.code, 0, done.log);
  const parts = notes();
  t.true(parts.length > 2, `${parts.length} notes`);
  for (const [index, { body }] of parts.entries()) {
    t.true(body.length <= LIMIT && Buffer.byteLength(body) <= LIMIT, `${body.length} characters`);
    t.true(
      body.startsWith(
        `<!-- gitlab-agent diff="-/-" part="${index + 1}" pipeline="1001" -->\n### Kubernetes diff: 400 to create (part ${index + 1} of ${parts.length})`,
      ),
    );
    t.true(body.isWellFormed());
    t.is((body.match(/^<details>$/gm) ?? []).length, (body.match(/^<\/details>$/gm) ?? []).length);
    t.is((body.match(/^`{3,}/gm) ?? []).length % 2, 0, 'each fence is closed');
  }
  const named = parts.flatMap(({ body }) =>
    [...body.matchAll(/^\| create \| `configmap\/(big-\d+) /gm)].map(([, name]) => name),
  );
  t.is(new Set(named).size, 400);
  t.is(named.length, 400);
});

test('fewer parts than before: those that are too many go', async (t) => {
  const { run, notes, request } = await noted(t, {}, { 'k8s/a.yaml': configMap('a', {}) });
  await run();
  const [own] = notes();
  const late = own!.body.replace('part="1"', 'part="7"');
  request.notes.push({ ...own!, id: 77, body: late });
  await run();
  t.deepEqual(
    notes().map(({ id }) => id),
    [own!.id],
  );
});
