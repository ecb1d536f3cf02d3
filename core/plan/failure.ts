import type { ApiFailure } from '../model/cluster.ts';
import { dig, isObject, type Json } from '../model/json.ts';
import type { ObjectId } from '../model/object.ts';
import { formatPath } from '../model/path.ts';
import { scrub } from './scrub.ts';
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
  /admission webhook "[^"]*" denied the request|ValidatingAdmissionPolicy '[^']*'|violates PodSecurity|exceeded quota|failed quota/;
const GONE_VERSION = /^request to convert CR to an invalid group\/version: (\S+)/;
const NOT_PERMITTED = /cannot (get|list|watch|create|update|patch|delete|impersonate) resource/;
const ESCALATION = /attempting to grant RBAC/;
const BAD_BASE64 = /illegal base64 data/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Words a failed request about `object`; `object` is the manifest whose hidden values the server may quote. */
export function describeFailure(
  id: ObjectId,
  failure: ApiFailure,
  gate: SecretGate,
  ...objects: Json[]
): Cause {
  const hidden = gate.hides(id);
  const values = objects.flatMap((object) => gate.values(id, object));
  // Before lines are joined and parts cut: what is left of a value then would not be found any more.
  const texts = messagesOf(failure).map((message) => clean(scrub(message, values), hidden));
  const text = texts.join('; ');
  const field = BAD_BASE64.test(failure.message) ? objects.map(notBase64).find(Boolean) : undefined;
  if (field) return { reason: reasonOf(failure), message: `${field}: not base64` };
  // The authorizer speaks of users and resources only.
  const quotable = !hidden || (notPermitted(failure) && !DENIED.test(failure.message));
  return { reason: reasonOf(failure), message: quotable ? text : quoteless(text, id) };
}

function reasonOf({ status, reason, message, causes }: ApiFailure): string {
  if (status === 0) return 'Unreachable';
  if (TYPED.test(message)) return 'Invalid';
  if (WEBHOOK_REFUSES.test(message)) return 'WebhookRefusesDryRun';
  if (WEBHOOK_FAILED.test(message)) return 'WebhookFailed';
  if (DENIED.test(message)) return 'Denied';
  if (causes.some((cause) => cause.reason === 'NamespaceTerminating')) return 'NamespaceTerminating';
  if (status === 422 || status === 400) return 'Invalid';
  // What is no lack of rights is an admission plugin's word: limits, service accounts, …
  if (status === 403) return NOT_PERMITTED.test(message) || ESCALATION.test(message) ? 'Forbidden' : 'Denied';
  if (status === 401) return 'Unauthorized';
  if (status === 404) return 'NotFound';
  if (status === 429) return 'TooManyRequests';
  if (status === 504 || reason === 'Timeout') return 'Timeout';
  return reason || 'ServerError';
}

/** True where the user lacks the right to the request itself; an admission plugin's 403 is no such thing. */
export function notPermitted(failure: ApiFailure): boolean {
  return failure.status === 403 && NOT_PERMITTED.test(failure.message) && !ESCALATION.test(failure.message);
}

/** True where a webhook has side effects, so that nothing it guards can be tried. */
export function refusesDryRun(failure: ApiFailure): boolean {
  return WEBHOOK_REFUSES.test(failure.message);
}

/** True where the API server itself refuses the object; an admission webhook's 422 is no such thing. */
export function isInvalid(failure: ApiFailure): boolean {
  return (failure.status === 422 && !DENIED.test(failure.message)) || TYPED.test(failure.message);
}

/**
 * The version that an entry in managedFields of a custom resource names and that its CRD no longer has: the server
 * then refuses every apply, with a 500 (those of built-in kinds it drops).
 */
export function goneVersion({ status, message }: ApiFailure): string | undefined {
  return status === 500 ? GONE_VERSION.exec(message)?.[1] : undefined;
}

/** Causes say field by field what the message says in one long line. Each is cleaned by itself. */
function messagesOf(failure: ApiFailure): string[] {
  // A webhook may give causes too; then it is the message that says who refused.
  if (failure.status !== 422 || failure.causes.length === 0 || DENIED.test(failure.message))
    return [failure.message];
  return failure.causes.map(
    ({ field, message }) => `${field && field !== '<nil>' ? `${field}: ` : ''}${message ?? ''}`,
  );
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
  return (
    structs
      .replace(
        /(Invalid value|Unsupported value|Duplicate value): (?:"(?:[^"\\]|\\.)*"|[^:]*)(?=:|;|$)/g,
        '$1',
      )
      .replace(/(denied(?: the)? request): .*/s, '$1')
      // Go's JSON parser quotes where it stumbled.
      .replace(/(invalid character) '(?:\\.|[^'])*'/g, '$1')
  );
}

/** The first key whose value should be base64 and is not: the API server's words name none. */
function notBase64(object: Json): string | undefined {
  for (const map of ['data', 'binaryData']) {
    const values = dig(object, map);
    if (!isObject(values)) continue;
    const wrong = Object.keys(values).find((key) => !BASE64.test(String(values[key]).replace(/[\r\n]/g, '')));
    if (wrong !== undefined) return formatPath([map, wrong]);
  }
  return undefined;
}

/** Quoted text about a kind with hidden values is kept only where it is a name that everybody may know. */
function quoteless(text: string, id: ObjectId): string {
  const known = new Set([id.name, id.namespace, id.kind, id.version, `${id.group}/${id.version}`]);
  return text.replace(
    /(webhook )?"((?:[^"\\]|\\.)*)"/g,
    (quoted, webhook: string | undefined, body: string) => (webhook || known.has(body) ? quoted : '"…"'),
  );
}
