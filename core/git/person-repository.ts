import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RevisionTree } from '../model/file-tree.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import type { RemoteRef } from '../model/source.ts';
import { pushRefusal } from './push-refusal.ts';
import { parseRepositoryUrl, quoteForeign } from './repository-url.ts';
import { openRevisionTree } from './revision-tree.ts';
import { firstLine, type GitResult, runGit, wordStart } from './run-git.ts';

export interface PersonRepositoryOptions {
  /** As the agent's configuration names it: `https://…`. */
  url: string;
  /** Where the clones of all repositories are; it is made where it does not exist. */
  cacheDirectory: string;
  /** The person's own environment: their configuration, credential helpers and proxies count. */
  env: Readonly<Record<string, string | undefined>>;
  /** Whether there is a terminal on which git may ask for a password. */
  mayAsk: boolean;
  signal: AbortSignal;
}

/** The code of the problem that the branch is no longer where it was when the change was made. */
export const BRANCH_MOVED = 'BranchMoved';

/** Another content of one file. */
export interface FileCommit {
  branch: string;
  /** Where the branch is. */
  parent: string;
  path: string;
  content: string;
  message: string;
}

// The URL comes from the cluster: it must neither run a program nor read a file of this machine.
const GUARDS = ['protocol.ext.allow=never', 'protocol.file.allow=never', 'core.hooksPath=/dev/null'].flatMap(
  (setting) => ['-c', setting],
);
/** They would point git at another repository. */
const DROPPED = /^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|NAMESPACE|COMMON_DIR|OBJECT_DIRECTORY)$/;
const NEVER_ASK = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  SSH_ASKPASS: '',
  SSH_ASKPASS_REQUIRE: 'never',
  GCM_INTERACTIVE: 'never',
};

/**
 * A repository as a person reads it, with their own git configuration and credentials. Every call rejects with a
 * ProblemError for what a person has to mend, or with the signal's reason.
 */
export class PersonRepository {
  readonly #options: PersonRepositoryOptions;
  readonly #directory: string;

  /** Throws ProblemError for a URL that nobody reads from. */
  constructor(options: PersonRepositoryOptions) {
    const url = parseRepositoryUrl(options.url);
    if (!(url instanceof URL)) throw new ProblemError(url);
    this.#options = { ...options, url: url.href };
    const name = createHash('sha256').update(url.href).digest('hex').slice(0, 16);
    this.#directory = join(options.cacheDirectory, name);
  }

  /** What these full names, and HEAD, point at now. */
  async refs(names: readonly string[]): Promise<ReadonlyMap<string, RemoteRef>> {
    const patterns = names.filter((name) => name !== 'HEAD').flatMap((name) => [name, `${name}^{}`]);
    const args = ['ls-remote', '--symref', '--', this.#options.url, 'HEAD', ...patterns];
    const text = (await this.#git(args, '.')).stdout.toString('utf8');
    const refs = new Map<string, RemoteRef>();
    for (const line of text.split('\n')) {
      const [left = '', name = ''] = line.split('\t');
      const known = refs.get(name.replace(/\^\{\}$/, '')) ?? {};
      if (left.startsWith('ref: ')) refs.set(name, { ...known, target: left.slice(5) });
      else if (name.endsWith('^{}')) refs.set(name.slice(0, -3), { ...known, peeled: left });
      else if (name !== '') refs.set(name, { ...known, oid: left });
    }
    return refs;
  }

  /** The files of a commit, which is fetched where it is not here yet. Whoever opens it closes it. */
  async open(commit: string): Promise<RevisionTree> {
    const gitDir = await this.#clone('files');
    if (!(await this.#has(gitDir, commit))) await this.#fetch(gitDir, ['--depth=1'], [commit]);
    const { env, signal } = this.#options;
    return await openRevisionTree({
      cwd: gitDir,
      gitDir,
      env,
      signal,
      commit,
      revision: commit.slice(0, 12),
      inTree: (path) => path,
    });
  }

  /** Whether one commit is the other or comes before it; undefined where the repository does not have both. */
  async isAncestor(commit: string, of: string): Promise<boolean | undefined> {
    const gitDir = await this.#clone('history');
    // Commits without their files: a whole history is small.
    const filter = ['--filter=tree:0'];
    if (!(await this.#has(gitDir, of))) await this.#fetch(gitDir, filter, [of]);
    if (!(await this.#has(gitDir, commit))) {
      // A server may say in many ways that it does not have a commit.
      const isThere = await this.#fetch(gitDir, filter, [commit]).then(
        () => true,
        (error: unknown) => {
          if (error instanceof ProblemError) return false;
          throw error;
        },
      );
      if (!isThere) return undefined;
    }
    return await isAncestor(commit, of, { cwd: gitDir, ...this.#options });
  }

  /**
   * Commits another content of one file on a branch, as the person whom their git configuration names, and pushes it.
   * It is pushed only where the branch still is at `parent`: where it has moved on, the problem's code is BRANCH_MOVED.
   * Returns the commit.
   */
  async commitFile({ branch, parent, path, content, message }: FileCommit): Promise<string> {
    const gitDir = await this.#clone('files');
    if (!(await this.#has(gitDir, parent))) await this.#fetch(gitDir, ['--depth=1'], [parent]);
    const index = join(gitDir, `index-${randomBytes(6).toString('hex')}`);
    const run = async (args: readonly string[], input?: string): Promise<string> =>
      (await this.#git(args, gitDir, { env: { GIT_INDEX_FILE: index }, input })).stdout
        .toString('utf8')
        .trim();
    try {
      await run(['read-tree', parent]);
      const entry = await run(['ls-tree', parent, '--', path]);
      const mode = /^(100644|100755) blob /.exec(entry)?.[1] ?? '100644';
      const blob = await run(['hash-object', '-w', '--stdin'], content);
      const written = await this.#git(['cat-file', 'blob', blob], gitDir);
      // An agent whose configuration is empty lets go of everything: what is pushed is looked at before.
      if (written.stdout.toString('utf8') !== content)
        throw new Error('git holds another content than it was given');
      await run(['update-index', '--add', '--cacheinfo', `${mode},${blob},${path}`]);
      const tree = await run(['write-tree']);
      const commit = await run(['commit-tree', tree, '-p', parent, '-F', '-'], message);
      // Never forced: where the branch has moved on, the server refuses it.
      const push = ['push', '--quiet', '--', this.#options.url, `${commit}:refs/heads/${branch}`];
      await this.#git(push, gitDir, { word: pushProblem });
      return commit;
    } finally {
      await rm(index, { force: true });
    }
  }

  async #has(gitDir: string, commit: string): Promise<boolean> {
    const { code } = await runGit(['cat-file', '-e', `${commit}^{commit}`], {
      cwd: gitDir,
      ...this.#options,
    });
    return code === 0;
  }

  async #fetch(gitDir: string, how: readonly string[], commits: readonly string[]): Promise<void> {
    const quiet = [
      '--quiet',
      '--no-tags',
      '--no-recurse-submodules',
      '--no-write-fetch-head',
      '--no-auto-gc',
    ];
    await this.#git(['fetch', ...quiet, ...how, '--', this.#options.url, ...commits], gitDir);
    for (const commit of commits) {
      // Kept, so that the next fetch moves only what is new, and no clean-up takes it.
      const kept = ['update-ref', `refs/kept/${commit}`, commit];
      await this.#git(kept, gitDir);
    }
  }

  async #clone(name: string): Promise<string> {
    const gitDir = join(this.#directory, name);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const { code } = await runGit(['rev-parse', '--git-dir'], {
      cwd: gitDir,
      ...this.#options,
      env: { ...this.#options.env, GIT_CEILING_DIRECTORIES: this.#directory },
    }).catch((error: unknown) => {
      this.#options.signal.throwIfAborted();
      if (error instanceof ProblemError) return { code: 1 };
      throw error;
    });
    if (code === 0) return gitDir;
    await rm(gitDir, { recursive: true, force: true });
    await this.#git(['init', '--quiet', '--bare', '--', gitDir], '.');
    return gitDir;
  }

  /** Runs git as the person would; rejects with what it says. */
  async #git(
    args: readonly string[],
    cwd: string,
    more: { env?: Record<string, string>; input?: string | undefined; word?: typeof refusal } = {},
  ): Promise<GitResult> {
    const { env, mayAsk, signal, url } = this.#options;
    signal.throwIfAborted();
    const kept = Object.fromEntries(Object.entries(env).filter(([key]) => !DROPPED.test(key)));
    const child = spawn(
      'git',
      ['--no-pager', ...GUARDS, ...(mayAsk ? [] : ['-c', 'core.askPass=']), ...args],
      {
        cwd: cwd === '.' ? this.#options.cacheDirectory : cwd,
        env: { ...kept, ...more.env, LC_ALL: 'C', ...(mayAsk ? {} : NEVER_ASK) },
        signal,
        killSignal: 'SIGTERM',
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    // git may end without reading it all.
    child.stdin.on('error', () => undefined);
    child.stdin.end(more.input ?? '');
    const { promise, resolve, reject } = Promise.withResolvers<GitResult>();
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error) => reject(signal.aborted ? signal.reason : wordStart(error)));
    child.on('close', (code) =>
      resolve({ code: code ?? -1, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') }),
    );
    const result = await promise;
    if (result.code === 0) return result;
    const { word = refusal } = more;
    throw new ProblemError(word(url, result.stderr, mayAsk));
  }
}

/** Whether a commit is another or comes before it; undefined where the repository in `cwd` does not have both. */
export async function isAncestor(
  commit: string,
  of: string,
  options: { cwd: string; env: PersonRepositoryOptions['env']; signal: AbortSignal },
): Promise<boolean | undefined> {
  const { code } = await runGit(['merge-base', '--is-ancestor', commit, of], options);
  return code === 0 ? true : code === 1 ? false : undefined;
}

const MOST_WORDS = 200;
const HINTS: [words: RegExp, hint: string][] = [
  [
    /not our ref|unadvertised object/i,
    'it has no such commit: was it pushed, or did a forced push replace it?',
  ],
  [/not found|does not exist/i, 'it is not there, or your own credentials may not see it'],
  [
    /unable to access|could not resolve|timed out/i,
    'are you in the right network or VPN, and is it running?',
  ],
];

function pushProblem(url: string, stderr: string, mayAsk: boolean): Problem {
  const refused = pushRefusal(stderr);
  if (refused?.kind === 'moved')
    return { code: BRANCH_MOVED, message: `the branch was moved in ${url} meanwhile` };
  const said = refused && quoteForeign(refused.said, undefined).replace(/\.$/, '');
  const { code, hint } = refusal(url, stderr, mayAsk);
  const message = `${url} can't be pushed to: ${said ?? firstLine(withoutPasswords(stderr))}`;
  return { code, message, ...(hint && { hint }) };
}

function refusal(url: string, stderr: string, mayAsk: boolean): Problem {
  const line = firstLine(withoutPasswords(stderr));
  // GitLab explains at length why credentials may be refused: its first sentence says that they are.
  const said = line.length > MOST_WORDS ? line.split(/\.\s/)[0]!.slice(0, MOST_WORDS) : line;
  const isRefused =
    /Authentication failed|could not read (Username|Password)|terminal prompts disabled|HTTP Basic|403|401|Permission denied/i;
  const unasked = mayAsk ? '' : ', and without a terminal nobody can be asked';
  const hint = isRefused.test(stderr)
    ? `git has no credentials for it that work${unasked}: does "git ls-remote ${url}" work here?`
    : HINTS.find(([words]) => words.test(stderr))?.[1];
  return { code: 'GitFailed', message: `${url} can't be read: ${said}`, ...(hint && { hint }) };
}

/** A person's own configuration may put a password into the URL. */
function withoutPasswords(text: string): string {
  return text.replace(/(:\/\/)[^/@\s]*@/g, '$1');
}
