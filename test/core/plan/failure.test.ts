import test from 'ava';
import { describeFailure } from '../../../core/plan/failure.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';

const ID = { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'web' };
const SECRET = { ...ID, kind: 'Secret' };
const gate = new SecretGate();
const failure = (
  status: number,
  reason: string,
  message: string,
  causes: { field?: string; message?: string }[] = [],
) => ({ status, reason, message, causes });

test('a typed refusal says field and cause, without the object that Go prints', (t) => {
  const message =
    'failed to create typed patch object (shop/web; v1, Kind=Secret): errors:\n  .data.key: expected string, got &value.valueUnstructured{Value:"canary"}\n  .foo: field not declared in schema';
  const cause = describeFailure(SECRET, failure(500, '', message), gate, {});
  t.deepEqual(cause, {
    reason: 'Invalid',
    message: 'data.key: expected string; foo: field not declared in schema',
  });
});

test('an immutable Job does not print its environment', (t) => {
  const message =
    'Invalid value: core.PodTemplateSpec{Spec:core.PodSpec{Env:[]core.EnvVar{{Name:"A", Value:"canary: }"}}}}: field is immutable';
  const cause = describeFailure(
    { ...ID, group: 'batch', kind: 'Job' },
    failure(422, 'Invalid', 'x', [{ field: 'spec.template', message }]),
    gate,
    {},
  );
  t.deepEqual(cause, { reason: 'Invalid', message: 'spec.template: Invalid value: field is immutable' });
});

test('scalars help to mend an ordinary object, and stay out of messages about Secrets', (t) => {
  const causes = [{ field: 'data[a b]', message: 'Invalid value: "canary": a valid key must consist of x' }];
  t.regex(describeFailure(ID, failure(422, 'Invalid', 'x', causes), gate, {}).message, /canary/);
  t.notRegex(describeFailure(SECRET, failure(422, 'Invalid', 'x', causes), gate, {}).message, /canary/);
});

test('a webhook may echo a Secret: its words are not repeated', (t) => {
  const cause = describeFailure(
    SECRET,
    failure(
      403,
      'Forbidden',
      'admission webhook "check.example.org" denied the request: value canary is weak',
    ),
    gate,
    {},
  );
  t.deepEqual(cause, {
    reason: 'Denied',
    message: 'admission webhook "check.example.org" denied the request',
  });
});

test('values of a Secret are searched for in every message, plain and decoded', (t) => {
  const data = { key: Buffer.from('canary').toString('base64') };
  const cause = describeFailure(
    SECRET,
    failure(400, 'BadRequest', `cannot use canary or ${data.key} here`),
    gate,
    { data },
  );
  t.is(cause.message, 'cannot use (hidden) or (hidden) here');
});

const REASONS: [string, number, string, string][] = [
  ['Unreachable', 0, '', 'connection refused'],
  ['WebhookRefusesDryRun', 400, 'BadRequest', 'admission webhook "x" does not support dry run'],
  [
    'WebhookFailed',
    500,
    'InternalError',
    'Internal error occurred: failed calling webhook "x": context deadline exceeded',
  ],
  ['Forbidden', 403, 'Forbidden', 'secrets "x" is forbidden: User "u" cannot patch resource "secrets"'],
  ['Denied', 403, 'Forbidden', 'pods "x" is forbidden: exceeded quota: q'],
  [
    'Invalid',
    500,
    '',
    'failed to convert new object (shop/web; v1, Kind=Secret) to proper version: illegal base64 data',
  ],
  ['TooManyRequests', 429, 'TooManyRequests', 'slow down'],
  ['ServerError', 500, '', 'boom'],
];
for (const [reason, status, word, message] of REASONS) {
  test(`${status} ${word} "${message.slice(0, 30)}…" is ${reason}`, (t) => {
    t.is(describeFailure(ID, failure(status, word, message), gate, {}).reason, reason);
  });
}
