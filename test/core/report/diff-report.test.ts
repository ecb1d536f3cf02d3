import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { load } from 'js-yaml';
import { parseJson } from '../../../core/model/json.ts';
import { ACTIONS } from '../../../core/model/plan.ts';
import { diffReport, reportAsJson, reportAsYaml } from '../../../core/report/diff-report.ts';
import { change, SAMPLES } from './samples.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../schemas/diff-report.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);
const printed = (...args: Parameters<typeof diffReport>): unknown =>
  JSON.parse(reportAsJson(diffReport(...args)));

test('reports of all kinds keep to the schema that the package ships', (t) => {
  for (const report of [
    printed([]),
    printed(SAMPLES),
    printed(SAMPLES, { patches: false }),
    ...ACTIONS.map((action) => printed([{ ...change(action, { a: 1 }, { a: 2 }), reason: 'Why' }])),
  ]) {
    t.true(validate(report), JSON.stringify(validate.errors));
  }
});

test('the schema is closed, and asks for a reason where an action is unknown', (t) => {
  const report = printed(SAMPLES) as { changes: Record<string, unknown>[] };
  t.false(validate({ ...report, more: 1 }));
  t.false(validate({ ...report, changes: [{ ...report.changes[0], more: 1 }] }));
  t.false(validate(printed([change('unknown', undefined, undefined)])));
});

test('integers beyond 2^53 are exact', (t) => {
  const fields = [{ path: 'spec.max', before: 9223372036854775807n, after: 1 }];
  const text = reportAsJson(diffReport([{ ...change('update', undefined, undefined), fields }]));
  t.regex(text, /"before": 9223372036854775807,/);
  t.regex(text, /-spec\.max: 9223372036854775807/);
});

test('characters that drive a terminal are escaped, and the value stays', (t) => {
  const after = '\u009b31m\u202e\u{e0041}\ud800\r\n';
  const text = reportAsJson(
    diffReport([{ ...change('update', 'x', after), fields: [{ path: 'a', after }] }]),
  );
  t.notRegex(text, /[\u009b\u202e\r]/);
  const report = parseJson(text) as { changes: { fields: { after: string }[] }[] };
  t.is(report.changes[0]!.fields[0]!.after, after);
});

test('json and yaml say the same', (t) => {
  const exact = SAMPLES.filter((sample) => sample.id.name !== 'first');
  t.deepEqual(load(reportAsYaml(diffReport(exact))), printed(exact));
});

test('fields are complete where the patch is shortened', (t) => {
  const after = 'x\n'.repeat(20_000);
  const [only] = diffReport([
    { ...change('create', undefined, { after }), fields: [{ path: 'after', after }] },
  ]).changes;
  t.is(only!.fields![0]!.after, after);
  t.regex(only!.patch!, /more lines added, not shown/);
});
