import type { SourceFailure } from '../model/source.ts';
import { type Context, DISK_FULL, statusFailure } from './remote-failure.ts';
import { quoteForeign } from './repository-url.ts';

// What git says on stderr in its own language (LC_ALL=C), and what is meant by it; the first that matches counts.
const UNREACHABLE =
  /Could not resolve (?:host|proxy)|Failed to connect|Couldn't connect|Connection (?:refused|reset|timed out)|Recv failure|Send failure|Empty reply|Proxy CONNECT|CONNECT tunnel failed|unexpected disconnect|early EOF|RPC failed|remote end hung up|transfer closed|premature end of pack|invalid index-pack output|did not end with an? (?:flush|packet)|expected flush/i;
const UNTRUSTED =
  /SSL certificate problem|certificate verif|certificate subject name|SSL: |gnutls_handshake|wrong version number|TLS connect error/i;
const SLOW = /Operation too slow|Operation timed out/i;
const NO_COMMIT =
  /not our ref|unadvertised object|couldn't find remote ref|remote error: .*not (?:found|our)/i;
const NO_ROOM = /No space left on device|Disk quota exceeded|File too large/i;
const NO_MEMORY = /out of memory|malloc failed|cannot allocate memory|unable to create thread|mmap failed/i;
const REFUSED_OBJECT = /fsck error|does not pass fsck|fsck-objects|error in (?:packed )?object/i;
const NOT_GIT = /dumb http transport|is this a git repository|invalid server response|bad line length/i;
const MOVED = /unable to update url base|returned error: 30[1278]/;

/**
 * Words why `git fetch` failed; undefined where git's words don't tell whether the server or the cache is to blame.
 */
export function fetchFailure(output: string, commit: string, context: Context): SourceFailure | undefined {
  const { origin } = context.url;
  const stderr = ownLines(output).join('\n');
  const said = quoteForeign(lastWords(output), context.credential);
  // First what this machine lacks: a server may put any other words into its messages.
  if (NO_ROOM.test(stderr)) return DISK_FULL;
  if (NO_MEMORY.test(stderr))
    return {
      code: 'TooLarge',
      message: `commit ${commit.slice(0, 12)} needs more memory to unpack than it may take`,
      hint: 'does the repository hold huge files?',
    };
  const status = httpStatus(stderr);
  if (MOVED.test(stderr) || (status !== undefined && status >= 300 && status < 400))
    return { code: 'Moved', message: `${origin} redirects the fetch, which is not followed` };
  if (status !== undefined) return statusFailure({ status, headers: {}, body: Buffer.alloc(0) }, context);
  if (NO_COMMIT.test(stderr))
    return {
      code: 'CommitMissing',
      message: `the repository has no commit ${commit.slice(0, 12)}, or ${origin} does not give it`,
      hint: 'was it removed by a force-push? servers may refuse commits that no branch or tag leads to',
    };
  if (NOT_GIT.test(stderr))
    return { code: 'NotGit', message: `${origin} answers the fetch with something else than Git: ${said}` };
  if (UNTRUSTED.test(stderr))
    return { code: 'Untrusted', message: `no trusted connection to ${origin}: ${said}` };
  if (SLOW.test(stderr)) return { code: 'Timeout', message: `${origin} sends too slowly` };
  if (REFUSED_OBJECT.test(stderr))
    return {
      code: 'Damaged',
      message: `commit ${commit.slice(0, 12)} does not pass Git's checks: ${said}`,
      hint: 'git fsck shows what is wrong in the repository',
    };
  if (UNREACHABLE.test(stderr))
    return { code: 'Unreachable', message: `the fetch from ${origin} broke off: ${said}` };
  return undefined;
}

function httpStatus(stderr: string): number | undefined {
  const status = /The requested URL returned error: (\d{3})/.exec(stderr)?.[1];
  if (status) return Number(status);
  if (/Authentication failed|could not read (?:Username|Password)|terminal prompts disabled/.test(stderr))
    return 401;
  return /^fatal: repository '.*' not found/m.test(stderr) ? 404 : undefined;
}

/** The line with which git ended. */
export function lastWords(stderr: string): string {
  const lines = ownLines(stderr);
  const fatal = lines.find((line) => /^(?:fatal|error): /.test(line));
  return (fatal ?? lines.at(-1) ?? 'it says nothing').replace(/^(?:fatal|error): /, '');
}

/** Without what the server writes, which git marks: a server must not be able to blame this machine. */
function ownLines(stderr: string): string[] {
  return stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '' && !line.startsWith('remote: '));
}
