import { Code, ConnectError } from '@connectrpc/connect';
import { FAILURE_METADATA } from '../../core/grpc/failure-metadata.ts';
import type { SourceFailure, SourceFailureCode } from '../../core/model/source.ts';

const CODES: Partial<Record<SourceFailureCode, Code>> = {
  NotFound: Code.NotFound,
  // The server's own credential is not good enough: for the agent, the project is not to be had.
  Unauthorized: Code.PermissionDenied,
  Forbidden: Code.PermissionDenied,
  Moved: Code.FailedPrecondition,
  RefMissing: Code.FailedPrecondition,
  CommitMissing: Code.FailedPrecondition,
  UrlInvalid: Code.FailedPrecondition,
  NotGit: Code.FailedPrecondition,
  TooLarge: Code.FailedPrecondition,
};

/** Why the agent does not get what it asks for, with the cause; ours also learn the code of the failure. */
export function sourceError(what: string, { code, message, hint }: SourceFailure): ConnectError {
  const words = hint === undefined ? message : `${message}; hint: ${hint}`;
  return new ConnectError(`${what}: ${words}`, CODES[code] ?? Code.Unavailable, { [FAILURE_METADATA]: code });
}
