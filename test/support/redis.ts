/** A real Redis or Valkey of a test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { freePorts } from './control-plane/ports.ts';
import { waitFor } from './control-plane/wait.ts';
import { redisBinary } from './redis-binary.ts';

export class Redis implements AsyncDisposable {
  readonly port: number;
  readonly #binary: string;
  readonly #password: string | undefined;
  readonly #directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-redis-'));
  #child: ChildProcess | undefined;

  private constructor(binary: string, port: number, password: string | undefined) {
    this.#binary = binary;
    this.port = port;
    this.#password = password;
  }

  /** Ends with the test. */
  static async start(t: Pick<ExecutionContext, 'teardown'>, password?: string): Promise<Redis> {
    const redis = new Redis(await redisBinary(), (await freePorts(1))[0]!, password);
    t.teardown(() => redis[Symbol.asyncDispose]());
    await redis.resume();
    return redis;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Comes back, and has forgotten everything. */
  async resume(): Promise<void> {
    this.#child = spawn(
      this.#binary,
      [
        ...['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
        ...(this.#password === undefined ? [] : ['--requirepass', this.#password]),
      ],
      { cwd: this.#directory, stdio: 'ignore' },
    );
    await waitFor(() => answers(this.port), { what: 'Redis to listen' });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
