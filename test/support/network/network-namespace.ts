import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { connect, type Server, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';

/** What is asked of the program in a namespace. */
export type Ask =
  | { what: 'forward packets' }
  /** `listen` makes a socket there, `connect` tells whether somebody is reached from there. */
  | { what: 'listen' | 'connect'; address: string; port: number };

interface Reply {
  id: number;
  answer?: string;
  error?: string;
}

interface Waiting {
  resolve: (value: { reply: Reply; server: Server | undefined }) => void;
  reject: (error: Error) => void;
}

/** This machine has no namespaces for us: too few rights, or a program is missing. The message is one line. */
export class NamespacesRefused extends Error {}

const PROGRAM = join(import.meta.dirname, 'resident.ts');
// `ip` and the like may be where only root looks, and npm's own have the name of one of them (nft).
const DIRECTORIES = (process.env.PATH ?? '').split(delimiter).filter((path) => !/node_modules/.test(path));
const ENVIRONMENT = { ...process.env, PATH: [...DIRECTORIES, '/usr/sbin', '/sbin'].join(delimiter) };
const IS_ROOT = process.getuid?.() === 0;

/**
 * A network namespace (Linux) with a program of ours in it. It needs root or, where the system lets users make them,
 * nothing: it is then in a user namespace, in which we are root. It has no name and nothing of it is outside of it, so
 * that nothing is left of it when this process ends.
 */
export class NetworkNamespace implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #servers = new Set<Server>();
  readonly #sockets = new Set<Socket>();
  #said = '';
  #asked = 0;

  private constructor(command: readonly string[]) {
    const [program, ...args] = [...command, process.execPath, PROGRAM];
    this.#child = spawn(program!, args, { env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.#child.on('message', (reply: Reply, server?: Server) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve({ reply, server });
      else waiting?.reject(new NamespacesRefused(reply.error));
    });
    const fail = (why: string): void => {
      for (const { reject } of this.#waiting.values()) reject(new NamespacesRefused(why));
      this.#waiting.clear();
    };
    this.#ended = new Promise<void>((resolve) => {
      this.#child.on('error', ({ message }) => {
        fail(message);
        resolve();
      });
      this.#child.on('close', (code) => fail(firstLine(this.#said) || `${program} ended with ${code}`));
      // After a disconnect from here Node tells no 'close'.
      this.#child.on('exit', () => resolve());
    });
  }

  /** Makes one; `beside` is another one, with whose rights it is made. Throws NamespacesRefused. */
  static async start(beside?: NetworkNamespace): Promise<NetworkNamespace> {
    const user = IS_ROOT || beside ? [] : ['--user', '--map-root-user'];
    const made = new NetworkNamespace([...(beside?.enter ?? []), 'unshare', ...user, '--net']);
    try {
      await made.#replyTo(0);
      await made.ip('link set lo up');
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What goes before a command, for it to run here. */
  get enter(): readonly string[] {
    const user = IS_ROOT ? [] : ['--user', '--preserve-credentials'];
    return ['nsenter', `--target=${this.pid}`, ...user, '--net'];
  }

  /** Runs `ip` here with each of the lines. */
  async ip(...lines: readonly string[]): Promise<void> {
    await this.run(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  }

  /** Runs a command here to its end. */
  async run(command: readonly string[], input: string): Promise<void> {
    const [program, ...args] = [...this.enter, ...command];
    await new Promise<void>((resolve, reject) => {
      const child = execFile(program!, args, { env: ENVIRONMENT }, (error, _stdout, stderr) => {
        if (error) reject(new NamespacesRefused(firstLine(stderr) || error.message));
        else resolve();
      });
      child.stdin!.on('error', () => {}).end(input);
    });
  }

  /** Passes on packets that are for others, as a router does. */
  async forwardPackets(): Promise<void> {
    await this.#ask({ what: 'forward packets' });
  }

  /**
   * Has connections to an address here go to a port of the loopback address out there. `callers` takes the addresses
   * that they come from.
   */
  async relay(address: string, port: number, to: number, callers?: Set<string>): Promise<void> {
    const { server } = await this.#ask({ what: 'listen', address, port });
    this.#servers.add(server!);
    server!.on('connection', (socket: Socket) => {
      callers?.add(socket.remoteAddress!);
      this.#join(socket, connect(to, '127.0.0.1'));
    });
  }

  /** `connected`, `no answer` within a second, or the code of the error. */
  async connect(address: string, port: number): Promise<string> {
    const { reply } = await this.#ask({ what: 'connect', address, port });
    return reply.answer!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }

  #join(one: Socket, other: Socket): void {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy()).on('close', () => this.#sockets.delete(from));
      from.pipe(to);
    }
  }

  #ask(ask: Ask): Promise<{ reply: Reply; server: Server | undefined }> {
    this.#asked += 1;
    const id = this.#asked;
    const reply = this.#replyTo(id);
    this.#child.send({ id, ...ask }, (error) => {
      if (error) this.#waiting.get(id)?.reject(error);
    });
    return reply;
  }

  #replyTo(id: number): Promise<{ reply: Reply; server: Server | undefined }> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]!;
}
