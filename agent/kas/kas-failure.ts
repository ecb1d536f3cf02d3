import { Code, ConnectError } from '@connectrpc/connect';
import { FAILURE_METADATA } from '../../core/grpc/failure-metadata.ts';
import { WireError } from '../../core/kube/connection-failure.ts';
import { describeConnectionError, type NodeError } from '../../core/model/connection-error.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import type { SourceFailure, SourceFailureCode } from '../../core/model/source.ts';
import { oneLine } from '../../core/report/escape.ts';

/** What a server sends that no server of this protocol does. */
export class ProtocolError extends Error {
  readonly code: SourceFailureCode;

  constructor(message: string, code: SourceFailureCode = 'Refused') {
    super(message);
    this.code = code;
  }
}

const CODES: Partial<Record<Code, SourceFailureCode>> = {
  [Code.Unauthenticated]: 'Unauthorized',
  [Code.PermissionDenied]: 'Forbidden',
  [Code.NotFound]: 'NotFound',
  [Code.InvalidArgument]: 'Refused',
  [Code.FailedPrecondition]: 'Refused',
  [Code.ResourceExhausted]: 'RateLimited',
  [Code.Unimplemented]: 'Refused',
};

const NAMED = new Set<SourceFailureCode>([
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'Moved',
  'RefMissing',
  'CommitMissing',
  'UrlInvalid',
  'NotGit',
  'TooLarge',
  'RateLimited',
  'Unavailable',
  'Unreachable',
  'Untrusted',
  'Timeout',
  'Damaged',
  'DiskFull',
  'GitFailed',
]);
const UNTRUSTED = /^(?:Certificate|HostnameMismatch|UnknownAuthority|TlsFailed|PlainHttp)/;
/** A server's words may be long; a status of GitLab's takes 255 characters anyway. */
const MOST_CHARACTERS = 1_000;

/** Why a call of the agent server at `address` failed. */
export function kasFailure(error: unknown, address: string): SourceFailure {
  const own = problemIn(error);
  if (own) return { ...own, code: 'Unauthorized' };
  if (error instanceof ProtocolError)
    return {
      code: error.code,
      message: `the agent server ${address} breaks the protocol: ${error.message}`,
    };
  if (!(error instanceof ConnectError)) {
    const { code, message = String(error) } = error as NodeError;
    if (code !== undefined) return connectionFailure(error as NodeError, address);
    return { code: 'Unavailable', message: `unexpected, with the agent server ${address}: ${message}` };
  }
  const node = nodeError(error);
  if (node) return connectionFailure(node, address);
  const said = oneLine(error.rawMessage).slice(0, MOST_CHARACTERS);
  if (error.code === Code.Unauthenticated)
    return {
      code: 'Unauthorized',
      message: `the agent server ${address} refuses the token: ${said}`,
      hint: 'was the token revoked, or is it of another server? the Secret gitlab-agent-token has it',
    };
  const named = error.metadata.get(FAILURE_METADATA) as SourceFailureCode | null;
  const code = named !== null && NAMED.has(named) ? named : (CODES[error.code] ?? 'Unavailable');
  return { code, message: `agent server: ${said}` };
}

function connectionFailure(error: NodeError, address: string): SourceFailure {
  const handshake = /^Unexpected server response: (\d{3})$/.exec(error.message)?.[1];
  if (handshake !== undefined) {
    const message = `${address} answers the WebSocket with ${handshake}`;
    const hint = handshake.startsWith('3')
      ? 'redirects are not followed: does a slash lack at the end?'
      : 'is this the address of the agent server?';
    return { code: 'Unreachable', message, hint };
  }
  if (error instanceof WireError) return { code: 'Unreachable', message: error.message };
  const [reason, message] = describeConnectionError(error, address);
  if (!UNTRUSTED.test(reason)) return { code: 'Unreachable', message };
  const hint =
    reason === 'UnknownAuthority' ? '--kas-ca-cert-file names the authority that signed it' : undefined;
  return { code: 'Untrusted', message, ...(hint && { hint }) };
}

/** What the library wraps: an error of a socket. */
function nodeError(error: ConnectError): NodeError | undefined {
  for (
    let at: unknown = error.cause, depth = 0;
    at instanceof Error && depth < 5;
    at = at.cause, depth += 1
  ) {
    const { code, message } = at as NodeError;
    if (at instanceof WireError || /^Unexpected server response: /.test(message)) return at as NodeError;
    if (typeof code === 'string' && !code.startsWith('ERR_HTTP2_')) return at as NodeError;
  }
  return undefined;
}

/** A token that can't be read. */
function problemIn(error: unknown): Problem | undefined {
  const inner = error instanceof ConnectError ? error.cause : error;
  return inner instanceof ProblemError ? inner.problems[0] : undefined;
}
