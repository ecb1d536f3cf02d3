import test from 'ava';
import type { Outcome } from '../../../core/model/apply.ts';
import { applyReport } from '../../../core/report/apply-report.ts';
import { applySummaryText, outcomeName, outcomeText } from '../../../core/report/apply-text.ts';
import { change } from './samples.ts';

const sample = (
  action: Parameters<typeof change>[0],
  rest: Partial<Outcome>,
  more: object = {},
): Outcome => ({
  change: { ...change(action, undefined, undefined), id: ID, source: { file: 'web.yaml', line: 3 }, ...more },
  result: 'applied',
  ...rest,
});
const ID = { group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
const NAME = 'deployment.apps/web -n shop';
const fields = ['a', 'b', 'c', 'd', 'e', 'f'].map((path) => ({ path, before: 1, after: 2 }));
const interrupted = { reason: 'Interrupted', message: 'the run was interrupted', hint: 'run apply again' };

const TEXTS: [outcome: Outcome, text: string, name: string][] = [
  [sample('create', {}), `+ created  ${NAME}\n`, `${NAME}\n`],
  [sample('update', {}, { fields }), `~ changed  ${NAME}   a, b, c, d and 2 more\n`, `${NAME}\n`],
  [
    sample(
      'update',
      {},
      { fields: fields.slice(0, 1), conflicts: [{ path: 'a', manager: 'flux' }], yielded: ['z'] },
    ),
    `~ changed  ${NAME}   a\n    taken from flux: a\n    left to other managers: z\n`,
    `${NAME}\n`,
  ],
  [
    sample('update', {}, { fields: fields.slice(0, 1), reason: 'Adopt', message: 'it joins' }),
    `~ adopted  ${NAME}   a\n`,
    `${NAME}\n`,
  ],
  [
    sample('replace', {}, { fields: fields.slice(0, 1), reason: 'ImmutableField' }),
    `-/+ replaced  ${NAME}   a\n`,
    `${NAME}\n`,
  ],
  [sample('unchanged', {}, { reason: 'Ownership', message: 'same' }), `= taken over  ${NAME}\n`, `${NAME}\n`],
  [sample('unchanged', { result: 'unchanged' }), '', ''],
  [sample('delete', { result: 'pruned' }), `- pruned  ${NAME}\n`, `${NAME}\n`],
  [
    sample('delete', { result: 'pruned' }, { reason: 'Finalizers', message: 'it goes later' }),
    `- pruned  ${NAME}\n    Finalizers: it goes later\n`,
    `${NAME}\n`,
  ],
  [
    sample('skip', { result: 'skipped' }, { reason: 'Hook', message: 'hooks are not supported yet' }),
    `* skipped  ${NAME}   (web.yaml:3)\n    Hook: hooks are not supported yet\n`,
    '',
  ],
  [
    sample('unknown', {
      result: 'failed',
      error: { reason: 'Invalid', message: 'spec.\u001bx: no\nsuch field' },
    }),
    `! failed  ${NAME}   (web.yaml:3)\n    Invalid: spec.\\x1bx: no such field\n`,
    '',
  ],
  [
    sample('replace', {
      result: 'skipped',
      error: { reason: 'ImmutableField', message: 'no', hint: '--replace' },
    }),
    `* held back  ${NAME}   (web.yaml:3)\n    ImmutableField: no\n    hint: --replace\n`,
    '',
  ],
  [sample('create', { result: 'skipped', error: interrupted }), '', ''],
];

for (const [outcome, text, name] of TEXTS) {
  const { result, error, change: planned } = outcome;
  test(`${planned.action}, ${result}${error ? ` ${error.reason}` : ` ${planned.reason ?? ''}`}, ${planned.fields?.length ?? 0} fields, ${planned.conflicts?.length ?? 0} conflicts`, (t) => {
    t.is(outcomeText(outcome), text);
    t.is(outcomeName(outcome), name);
    t.notRegex(outcomeText(outcome, { color: true }).replaceAll(/\x1b\[\d+m/g, ''), /\x1b/);
  });
}

test('the last line counts, and what many objects have in common is said once', (t) => {
  const outcomes = TEXTS.map(([outcome]) => outcome);
  t.is(
    applySummaryText([...outcomes, outcomes.at(-1)!]),
    '2 held back: Interrupted: the run was interrupted; hint: run apply again\n' +
      '1 created, 2 changed, 1 adopted, 1 replaced, 2 pruned, 1 taken over, 1 unchanged, 1 skipped, 3 held back, 1 failed\n',
  );
  t.is(applySummaryText([]), 'no objects\n');
});

test('a report has what failed first, then what was held back', (t) => {
  const outcomes = TEXTS.map(([outcome]) => outcome);
  const report = applyReport({
    outcomes,
    startedAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:01.000Z',
  });
  t.deepEqual(
    report.changes.slice(0, 4).map(({ result, error }) => `${result} ${error?.reason}`),
    ['failed Invalid', 'skipped ImmutableField', 'skipped Interrupted', 'applied undefined'],
  );
  t.deepEqual(report.results, { failed: 1, skipped: 3, pruned: 2, applied: 6, unchanged: 1 });
});
