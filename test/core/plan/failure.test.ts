import test from 'ava';
import { describeFailure, isInvalid } from '../../../core/plan/failure.ts';
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

test('a value of several lines is found however a message quotes it', (t) => {
  const key = 'first line of it\nsecond line of it';
  const object = { data: { key: Buffer.from(key).toString('base64') } };
  for (const quoted of [key, JSON.stringify(key), 'second line of it', 'first line of it\r\n']) {
    const { message } = describeFailure(SECRET, failure(400, 'BadRequest', `no: ${quoted}`), gate, object);
    t.notRegex(message, /line of it/);
  }
});

test('a policy or a webhook may echo a part of a Secret, in its message or in causes', (t) => {
  const policy = `secrets "web" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: it begins with can`;
  t.deepEqual(describeFailure(SECRET, failure(422, 'Invalid', policy), gate, {}), {
    reason: 'Denied',
    message:
      `secrets "…" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request`.replace(
        '…',
        'web',
      ),
  });
  const webhook = failure(422, 'Invalid', 'admission webhook "w" denied the request: it begins with can', [
    { field: 'data.key', message: 'it begins with can' },
  ]);
  t.deepEqual(describeFailure(SECRET, webhook, gate, {}), {
    reason: 'Denied',
    message: 'admission webhook "w" denied the request',
  });
});

test('a Secret that should hold JSON does not say what it holds instead', (t) => {
  const message =
    'Invalid value: "<secret contents redacted>": invalid character \'c\' looking for beginning of value';
  const field = 'data[.dockerconfigjson]';
  t.is(
    describeFailure(SECRET, failure(422, 'Invalid', 'x', [{ field, message }]), gate, {}).message,
    `${field}: Invalid value: invalid character looking for beginning of value`,
  );
});

test('who denies is no judge of what can not be changed', (t) => {
  const denied = failure(422, 'Invalid', 'admission webhook "w" denied the request: the field is immutable');
  t.false(isInvalid(denied));
  t.true(isInvalid({ ...denied, message: 'Service "web" is invalid: spec.clusterIP: field is immutable' }));
});

test('the authorizer names user and resource, for Secrets too', (t) => {
  const message = 'secrets "web" is forbidden: User "bob" cannot get resource "secrets" in API group ""';
  t.is(describeFailure(SECRET, failure(403, 'Forbidden', message), gate, {}).message, message);
});

test('what is not base64 is named by its key', (t) => {
  const message =
    'failed to convert new object (shop/web; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 6';
  const object = { data: { good: 'YQ==', 'tls.key': 'canary!' } };
  const cause = describeFailure(SECRET, failure(500, '', message), gate, object);
  t.deepEqual(cause, { reason: 'Invalid', message: 'data["tls.key"]: not base64' });
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
  ['Denied', 403, 'Forbidden', 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2'],
  ['Forbidden', 403, 'Forbidden', 'roles "x" is forbidden: user "u" is attempting to grant RBAC permissions'],
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
