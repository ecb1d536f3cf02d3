/** Runs the built agent as a Pod would: as a program of its own, with its credentials in files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetStatus } from '../../core/model/record.ts';
import { accessOf, apiRequest, type Endpoint, type WaitOptions, waitFor } from './cluster.ts';
import type { GitLab } from './gitlab/gitlab.ts';
import type { Project } from './gitlab/project.ts';
import { type LogLine, ProgramLog } from './program-log.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'agent', 'gitlab-agent.js');

export interface AgentOptions {
  endpoint: Pick<Endpoint, 'kubeconfig'>;
  gitlab: Pick<GitLab, 'url' | 'caFile'>;
  configProject: Project;
  /** Where its own ConfigMaps and its Lease are. */
  namespace: string;
  name?: string;
  pod?: string;
  /** Without a token nothing is reported. */
  apiToken?: string | undefined;
  gitToken?: { username?: string; token: string } | undefined;
  /** An agent server, which says who the agent is: no flag does then. */
  kas?: { address: string; token: string };
  /** More files of the Secret for reading, by their names: those of single projects. */
  gitFiles?: Readonly<Record<string, string>>;
  kubeconfig?: string;
  args?: readonly string[];
  env?: Record<string, string>;
  /** What goes before the command, such as to run it in a network namespace. */
  enter?: readonly string[];
  /** Kept for a next one of the same name; else a directory of its own. */
  directory?: string;
}

/** One replica of an agent. */
export class AgentProcess implements AsyncDisposable {
  readonly #log: ProgramLog;
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #ownsDirectory: boolean;

  constructor(options: AgentOptions) {
    const { endpoint, gitlab, configProject, namespace, name = 'test', pod = 'agent-0', args = [] } = options;
    this.#ownsDirectory = options.directory === undefined;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), 'gitlab-agent-test-'));
    this.writeCredentials(options);
    const identity = [
      `--gitlab-url=${gitlab.url}`,
      `--config-project=${configProject.path}`,
      `--agent-name=${name}`,
      `--git-credentials-dir=${join(this.directory, 'git-credentials')}`,
    ];
    const { kas } = options;
    if (kas) writeFileSync(join(this.directory, 'token'), `${kas.token}\n`);
    const flags = [
      // As the original's resources.yml has it: one flag with "=", one without.
      ...(kas ? [`--token-file=${join(this.directory, 'token')}`, '--kas-address', kas.address] : identity),
      ...(options.apiToken === undefined
        ? []
        : [`--gitlab-api-token-file=${join(this.directory, 'api-token')}`]),
      ...(gitlab.caFile === undefined ? [] : [`--gitlab-ca-file=${gitlab.caFile}`]),
      '--poll-interval=300ms',
      '--observability-listen-address=127.0.0.1:0',
      `--cache-dir=${join(this.directory, 'cache')}`,
      `--kubeconfig=${options.kubeconfig ?? endpoint.kubeconfig}`,
      ...args,
    ];
    const [command, ...before] = [...(options.enter ?? []), process.execPath];
    // As in the image.
    this.#child = spawn(
      command!,
      [...before, '--max-semi-space-size=4', '--enable-source-maps', PROGRAM, ...flags],
      {
        env: {
          PATH: process.env.PATH,
          HOME: this.directory,
          POD_NAME: pod,
          POD_NAMESPACE: namespace,
          ...options.env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', resolve);
    });
    this.#log = new ProgramLog(this.#child);
  }

  get lines(): readonly LogLine[] {
    return this.#log.lines;
  }

  /** What it printed that is no line of the log. */
  get noise(): readonly string[] {
    return this.#log.noise;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Writes the mounted Secrets anew; what is not given is removed. */
  writeCredentials({
    apiToken,
    gitToken,
    gitFiles = {},
  }: Pick<AgentOptions, 'apiToken' | 'gitToken' | 'gitFiles'>): void {
    const git = join(this.directory, 'git-credentials');
    rmSync(git, { recursive: true, force: true });
    mkdirSync(git, { recursive: true });
    for (const [name, text] of Object.entries(gitFiles)) writeFileSync(join(git, name), text);
    if (gitToken) {
      writeFileSync(join(git, 'token'), `${gitToken.token}\n`);
      if (gitToken.username) writeFileSync(join(git, 'username'), gitToken.username);
    }
    if (apiToken !== undefined) writeFileSync(join(this.directory, 'api-token'), apiToken);
  }

  /** Waits for a line of the log; those before `after` don't count. */
  async said(
    msg: string,
    fields: Record<string, unknown> = {},
    after = 0,
    options?: Partial<WaitOptions>,
  ): Promise<LogLine> {
    return waitFor(
      () => {
        if (this.#child.exitCode !== null) throw new Error(`the agent ended: ${this.tail()}`);
        return this.#log.find(msg, fields, after);
      },
      { what: `the agent to say ${JSON.stringify(msg)} ${JSON.stringify(fields)}`, ...options },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.tail()}`);
    });
  }

  /** The last lines, for the message of a test that failed. */
  tail(): string {
    return this.#log.tail();
  }

  /** Sends a signal and waits until it has ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    // A git that it had started lives on, and would go on writing.
    await waitFor(() => endAllIn(this.directory) === 0, {
      what: 'the processes of a killed agent to be gone',
    });
    if (this.#ownsDirectory) rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The status of an entry, as its parent says it; undefined where there is none yet. */
export async function entryStatus(
  endpoint: Endpoint,
  namespace: string,
  entry: string,
  agent = 'test',
): Promise<SetStatus | undefined> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/gitlab-agent.${agent}.${entry}`;
  const { status, body } = await apiRequest(accessOf(endpoint), 'GET', path);
  const text = (body as { data?: { status?: string } }).data?.status;
  return status === 200 && text !== undefined ? (JSON.parse(text) as SetStatus) : undefined;
}

/** Ends every process that works in a directory, and tells how many there were. */
function endAllIn(directory: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const inside = pids.filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
    } catch {
      // It has ended, or is somebody else's.
      return false;
    }
  });
  for (const pid of inside) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  return inside.length;
}
