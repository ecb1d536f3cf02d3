/** Runs the built agent server as a program of its own, with its configuration and credentials in files. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './control-plane/wait.ts';
import type { GitLab } from './gitlab/gitlab.ts';
import { type LogLine, ProgramLog } from './program-log.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'server', 'gitlab-agent-server.js');

export interface AgentServerOptions {
  gitlab: Pick<GitLab, 'url' | 'caFile'>;
  /** What repositories are read with. */
  gitToken?: string;
  /** GitLab mode, with this secret; else there is a registry. */
  secret?: string;
  /** Lines of the configuration file, by section. */
  agent?: string;
  gitlabSection?: string;
  webhookSecret?: string;
  /** The port for people and pipelines; what is said of it beside its address, as a YAML flow map's content. */
  kubernetesApi?: string;
  /** The port for GitLab, with this secret. */
  apiSecret?: string;
  usagePeriod?: string;
  /** Of the log. */
  level?: string;
  /** For Node. */
  nodeArgs?: readonly string[];
  tls?: { certFile: string; keyFile: string };
  /** One of several. `port`: for the others. */
  replica?: { redis: string; redisPassword?: string; secret: string; port: number };
  /** Of another one; where not said, each has its own. */
  registry?: string;
  /** Of an earlier one, to come back at. */
  port?: number;
  directory?: string;
}

/** Runs a command of the program to its end. */
export function serverCommand(...args: string[]): { code: number; stdout: string; stderr: string } {
  try {
    return {
      code: 0,
      stdout: execFileSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', stdio: 'pipe' }),
      stderr: '',
    };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, stdout, stderr };
  }
}

export class AgentServer implements AsyncDisposable {
  readonly #log: ProgramLog;
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #ownsDirectory: boolean;
  readonly #registry: string | undefined;

  constructor(options: AgentServerOptions) {
    this.#registry = options.registry;
    this.#ownsDirectory = options.directory === undefined;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), 'gitlab-agent-server-test-'));
    this.#write(options);
    this.#child = spawn(
      process.execPath,
      [
        '--enable-source-maps',
        ...(options.nodeArgs ?? []),
        PROGRAM,
        `--configuration-file=${join(this.directory, 'server.yaml')}`,
      ],
      {
        env: {
          PATH: process.env.PATH,
          HOME: this.directory,
          TMPDIR: this.directory,
          ...(options.replica && { OWN_PRIVATE_API_URL: `http://127.0.0.1:${options.replica.port}` }),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
    this.#log = new ProgramLog(this.#child);
  }

  get lines(): readonly LogLine[] {
    return this.#log.lines;
  }

  get noise(): readonly string[] {
    return this.#log.noise;
  }

  /** Resolves once it listens. */
  static async start(options: AgentServerOptions): Promise<AgentServer> {
    const server = new AgentServer(options);
    await server.said('Listening for agentk connections').catch(async (error: unknown) => {
      await server[Symbol.asyncDispose]();
      throw error;
    });
    return server;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get port(): number {
    return this.#portOf('Listening for agentk connections');
  }

  /** Where the API of an agent's cluster is, as people and pipelines see it. */
  get kubernetesUrl(): string {
    const { port, prefix, tls } = this.#log.find('Listening for Kubernetes API requests', {})!;
    return `${tls ? 'https' : 'http'}://127.0.0.1:${port}${prefix}`;
  }

  get webhookUrl(): string {
    return `http://127.0.0.1:${this.#portOf('Listening for webhooks')}/`;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#portOf('Listening for API connections')}`;
  }

  get registry(): string {
    return this.#registry ?? join(this.directory, 'registry.yaml');
  }

  /** A new token of an agent, in the registry. */
  createToken(agent: string, project: string, ...allow: string[]): string {
    const result = serverCommand(
      ...['token', 'create', `--registry=${this.registry}`, `--agent=${agent}`, `--project=${project}`],
      ...allow.map((path) => `--allow=${path}`),
    );
    if (result.code !== 0) throw new Error(result.stderr);
    return result.stdout.trim();
  }

  async get(path: string): Promise<string> {
    const port = this.#portOf('Observability endpoint is up');
    return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  }

  async said(msg: string, fields: Record<string, unknown> = {}): Promise<LogLine> {
    return waitFor(
      () => {
        if (this.#child.exitCode !== null) throw new Error(`the server ended:\n${this.tail()}`);
        return this.#log.find(msg, fields);
      },
      { what: `the server to say ${JSON.stringify(msg)}` },
    );
  }

  tail(): string {
    return this.#log.tail();
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    if (this.#ownsDirectory) rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #write({
    gitlab,
    gitToken,
    secret,
    agent = '',
    gitlabSection = '',
    webhookSecret,
    kubernetesApi,
    apiSecret,
    replica,
    usagePeriod = '1m',
    level = 'debug',
    tls,
    port = 0,
  }: AgentServerOptions) {
    const file = (name: string, text: string): string => {
      writeFileSync(join(this.directory, name), text);
      return join(this.directory, name);
    };
    mkdirSync(join(this.directory, 'git'), { recursive: true });
    if (gitToken !== undefined) file('git/token', gitToken);
    if (secret === undefined && this.#ownsDirectory && this.#registry === undefined)
      file('registry.yaml', `salt: ${Buffer.alloc(16, 7).toString('base64url')}\nagents: []\n`);
    const lines = [
      'gitlab:',
      `  address: ${gitlab.url}`,
      ...(gitlab.caFile === undefined ? [] : [`  ca_certificate_file: ${gitlab.caFile}`]),
      ...(secret === undefined ? [] : [`  authentication_secret_file: ${file('secret', secret)}`]),
      gitlabSection,
      'agent:',
      ...(secret === undefined ? [`  registry_file: ${this.registry}`] : []),
      '  listen:',
      `    address: 127.0.0.1:${port}`,
      ...(tls ? [`    certificate_file: ${tls.certFile}`, `    key_file: ${tls.keyFile}`] : []),
      ...(kubernetesApi === undefined
        ? []
        : [
            `  kubernetes_api: { listen: { address: "127.0.0.1:0"${tls ? `, certificate_file: ${tls.certFile}, key_file: ${tls.keyFile}` : ''} }, ${kubernetesApi} }`,
          ]),
      agent || '  gitops: { poll_period: 300ms }\n  configuration: { poll_period: 300ms }',
      'repositories:',
      `  credentials_dir: ${join(this.directory, 'git')}`,
      `  cache_dir: ${join(this.directory, 'cache')}`,
      `observability: { listen: { address: "127.0.0.1:0" }, logging: { level: ${level} }, usage_reporting_period: ${usagePeriod} }`,
      ...(apiSecret === undefined
        ? []
        : [
            `api: { listen: { address: "127.0.0.1:0", authentication_secret_file: ${file('api-secret', apiSecret)} } }`,
          ]),
      ...(replica === undefined
        ? []
        : [
            `redis: { server: { address: "${replica.redis}" }${replica.redisPassword === undefined ? '' : `, password_file: ${file('redis-password', replica.redisPassword)}`} }`,
            `private_api: { listen: { address: "127.0.0.1:${replica.port}", authentication_secret_file: ${file('private-secret', replica.secret)} } }`,
          ]),
      ...(webhookSecret === undefined
        ? []
        : [`webhook: { address: "127.0.0.1:0", secret_file: ${file('webhook-secret', webhookSecret)} }`]),
    ];
    file('server.yaml', `${lines.filter(Boolean).join('\n')}\n`);
  }

  #portOf(msg: string): number {
    const line = this.lines.find((candidate) => candidate.msg === msg);
    if (!line) throw new Error(`the server has not said ${msg}`);
    return line.port as number;
  }
}
