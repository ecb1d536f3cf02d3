import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { load } from 'js-yaml';
import { HEALTH_STATUSES, type Health } from '../../../core/model/health.ts';
import {
  healthExitCode,
  healthReport,
  type JudgedObject,
  renderHealth,
} from '../../../core/report/health-report.ts';
import { matchesGolden } from './golden.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../schemas/health-report.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

const judged = (name: string, health: Health, kind = 'Deployment', group = 'apps'): JudgedObject => ({
  id: { group, version: 'v1', kind, namespace: 'shop', name },
  health,
});

const SAMPLES: JudgedObject[] = [
  judged(
    'settings',
    { status: 'healthy', reason: 'NoStatus', message: 'it reports no status' },
    'ConfigMap',
    '',
  ),
  judged('web', {
    status: 'progressing',
    reason: 'TooFewAvailable',
    message: '2 of 3 replicas are available',
  }),
  judged(
    'backup',
    { status: 'suspended', reason: 'Suspended', message: 'no new Jobs are started' },
    'CronJob',
    'batch',
  ),
  judged(
    'web-7d4b9c5f6d-x2x9z',
    {
      status: 'degraded',
      reason: 'CrashLoopBackOff',
      message: 'container app does not stay up: it ended with exit code 137 (OOMKilled), restarted 5 times',
      terminal: true,
    },
    'Pod',
    '',
  ),
  judged('lost', { status: 'unknown', reason: 'NodeLost' }, 'Pod', ''),
  judged('gone', { status: 'missing', reason: 'NotFound', message: 'it is not in the cluster' }),
];

test('the table lists the worst first and says why', (t) => {
  matchesGolden(t, 'health-table.txt', renderHealth('table', SAMPLES));
  t.is(renderHealth('table', []), 'no objects\n');
});

test('no line of the table is wider than the terminal but for names and words', (t) => {
  const lines = renderHealth('table', SAMPLES, { width: 60 }).split('\n');
  t.deepEqual(
    lines.filter((line) => line.startsWith(' ') && line.length > 62),
    [],
  );
});

test('colours change nothing but colours', (t) => {
  const plain = renderHealth('table', SAMPLES);
  const coloured = renderHealth('table', SAMPLES, { color: true });
  t.not(coloured, plain);
  t.is(coloured.replace(/\x1b\[\d+m/g, ''), plain);
});

test('JSON and YAML hold the same, in the order of the input, and keep to the schema', (t) => {
  const report: unknown = JSON.parse(renderHealth('json', SAMPLES));
  t.deepEqual(report, healthReport(SAMPLES) as unknown);
  t.deepEqual(load(renderHealth('yaml', SAMPLES)), report);
  t.true(validate(report), JSON.stringify(validate.errors));
  t.true(validate(JSON.parse(renderHealth('json', []))));
  for (const status of HEALTH_STATUSES) {
    t.true(validate(JSON.parse(renderHealth('json', [judged('x', { status, reason: 'Why' })]))));
  }
  t.false(validate({ ...healthReport(SAMPLES), more: 1 }));
});

test('words from a cluster drive no terminal and fill no screen', (t) => {
  const hostile = `\x1b[2J\r\n${'x'.repeat(100_000)} \u202eend`;
  const rows = [judged('a\nb', { status: 'degraded', reason: '\x1b[31mBad', message: hostile })];
  const table = renderHealth('table', rows);
  t.notRegex(table.replaceAll('\n', ''), /[\x00-\x1f\x7f\u202e]/);
  t.true(table.length < 1000);
  for (const format of ['json', 'yaml'] as const) {
    t.notRegex(renderHealth(format, rows).replaceAll('\n', ''), /[\x00-\x1f\x7f\u202e]/);
  }
});

test('suspended is as good as healthy, and nothing else is', (t) => {
  const codes = HEALTH_STATUSES.map((status) => healthExitCode([judged('x', { status, reason: 'Why' })]));
  t.deepEqual(codes, [1, 1, 1, 1, 0, 0]);
  t.is(healthExitCode([]), 0);
});
