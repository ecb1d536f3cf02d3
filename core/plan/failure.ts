import type { ApiFailure } from '../model/cluster.ts';
import type { Json } from '../model/json.ts';
import type { ObjectId } from '../model/object.ts';
import type { SecretGate } from './secret-gate.ts';

/** Why an object's action is unknown: a stable word and one sentence that holds no secret value. */
export interface Cause {
  reason: string;
  message: string;
}

// The structured-merge-diff refusals come as 500 without a reason: a mistake in the manifest, never worth a retry.
const TYPED =
  /^failed to (create typed patch object|convert (new|patch(ed)?) object)|^failed to create manager for existing fields/;
const WEBHOOK_REFUSES = /does not support dry run/i;
const WEBHOOK_FAILED = /failed calling webhook|failed to call webhook|conversion webhook/i;
const DENIED =
  /admission webhook "([^"]*)" denied the request|ValidatingAdmissionPolicy '([^']*)'|violates PodSecurity|exceeded quota|failed quota/;
const NOT_PERMITTED = /cannot (get|list|watch|create|update|patch|delete) resource/;

/** Words a failed request about `object`; `object` is the manifest whose hidden values the server may quote. */
export function describeFailure(
  id: ObjectId,
  failure: ApiFailure,
  gate: SecretGate,
  ...objects: Json[]
): Cause {
  const hidden = gate.hides(id);
  const values = objects.flatMap((object) => gate.values(id, object));
  const text = scrub(clean(messageOf(failure), hidden), values);
  return { reason: reasonOf(failure), message: hidden ? quoteless(text, id) : text };
}

function reasonOf({ status, reason, message }: ApiFailure): string {
  if (status === 0) return 'Unreachable';
  if (TYPED.test(message)) return 'Invalid';
  if (WEBHOOK_REFUSES.test(message)) return 'WebhookRefusesDryRun';
  if (WEBHOOK_FAILED.test(message)) return 'WebhookFailed';
  if (DENIED.test(message)) return 'Denied';
  if (status === 422 || status === 400) return reason === 'NamespaceTerminating' ? reason : 'Invalid';
  if (status === 403) return 'Forbidden';
  if (status === 401) return 'Unauthorized';
  if (status === 404) return 'NotFound';
  if (status === 429) return 'TooManyRequests';
  if (status === 504 || reason === 'Timeout') return 'Timeout';
  return reason || 'ServerError';
}

/** True where the user lacks the right to the request itself; an admission plugin's 403 is no such thing. */
export function notPermitted(failure: ApiFailure): boolean {
  return (
    failure.status === 403 &&
    NOT_PERMITTED.test(failure.message) &&
    !/attempting to grant RBAC/.test(failure.message)
  );
}

export function isInvalid(failure: ApiFailure): boolean {
  return failure.status === 422 || TYPED.test(failure.message);
}

/** Causes say field by field what the message says in one long line. */
function messageOf(failure: ApiFailure): string {
  if (failure.status !== 422 || failure.causes.length === 0) return failure.message;
  return failure.causes
    .map(({ field, message }) => `${field && field !== '<nil>' ? `${field}: ` : ''}${message ?? ''}`)
    .join('; ');
}

function clean(message: string, hidden: boolean): string {
  const lines = message
    .replace(/^failed to create typed patch object \((?:[^()]|\([^)]*\))*\):\s*(errors:)?/, '')
    .split('\n');
  const text = lines
    .map((line) =>
      line
        .trim()
        .replace(/, got .*$/s, '')
        .replace(/^\.(?=\w)/, ''),
    )
    .filter((line) => line !== '')
    .join('; ');
  // Go prints whole structs here, environment variables and all; scalars of other kinds help to mend the field.
  const structs = text.replace(/Invalid value: (?:"?[\w.*&]*[{[]|map\[).*[}\]]"?(?=: )/gs, 'Invalid value');
  if (!hidden) return structs;
  return structs
    .replace(/(Invalid value|Unsupported value|Duplicate value): (?:"(?:[^"\\]|\\.)*"|[^:]*)(?=:|;|$)/g, '$1')
    .replace(/(denied the request): .*/s, '$1');
}

function scrub(text: string, values: readonly string[]): string {
  let result = text;
  for (const value of values) if (value.length >= 3) result = result.replaceAll(value, '(hidden)');
  return result;
}

/** Quoted text about a kind with hidden values is kept only where it is a name that everybody may know. */
function quoteless(text: string, id: ObjectId): string {
  const known = new Set([id.name, id.namespace, id.kind, id.version, `${id.group}/${id.version}`]);
  return text.replace(
    /(webhook )?"((?:[^"\\]|\\.)*)"/g,
    (quoted, webhook: string | undefined, body: string) => (webhook || known.has(body) ? quoted : '"…"'),
  );
}
