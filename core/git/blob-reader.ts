import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { ProblemError } from '../model/problem.ts';
import { type GitOptions, startGit } from './run-git.ts';

/** Reads blobs of one repository through a single `git cat-file --batch`, started with the first of them. */
export class BlobReader {
  readonly #options: GitOptions;
  #child: ChildProcessWithoutNullStreams | undefined;
  /** Each request waits for the one before it: answers come in order and have no names. */
  #last: Promise<unknown> = Promise.resolve();
  #chunks: Buffer[] = [];
  #length = 0;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(options: GitOptions) {
    this.#options = options;
  }

  /** The bytes of a blob, by its object name. */
  read(oid: string): Promise<Buffer> {
    const reading = this.#last.then(() => this.#read(oid));
    this.#last = reading.catch(() => undefined);
    return reading;
  }

  close(): void {
    this.#child?.stdin.end();
    this.#child?.kill();
  }

  async #read(oid: string): Promise<Buffer> {
    this.#child ??= this.#start();
    this.#child.stdin.write(`${oid}\n`);
    const header = (await this.#takeLine()).toString('utf8');
    const size = /^\S+ blob (\d+)$/.exec(header)?.[1];
    if (size === undefined) {
      const message = `git has no file content ${oid.slice(0, 12)}: ${header}`;
      throw new ProblemError({
        code: 'GitFailed',
        message,
        hint: 'in a shallow or partial clone, fetch it first',
      });
    }
    // The content is followed by a line feed of its own.
    const content = await this.#take(Number(size) + 1);
    return checked(content.subarray(0, -1), oid);
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = startGit(['cat-file', '--batch'], this.#options);
    child.stdout.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    child.on('error', end);
    child.on('close', end);
    // A write to a git that died; the reader learns of it by the end of its output.
    child.stdin.on('error', end);
    child.stderr.resume();
    return child;
  }

  async #takeLine(): Promise<Buffer> {
    for (;;) {
      const buffered = this.#join();
      const end = buffered.indexOf(0x0a);
      if (end >= 0) return this.#cut(end + 1).subarray(0, -1);
      await this.#more();
    }
  }

  async #take(size: number): Promise<Buffer> {
    while (this.#length < size) await this.#more();
    return this.#cut(size);
  }

  #cut(size: number): Buffer {
    const buffered = this.#join();
    this.#chunks = [buffered.subarray(size)];
    this.#length = buffered.length - size;
    return buffered.subarray(0, size);
  }

  #join(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0]!;
  }

  async #more(): Promise<void> {
    this.#options.signal.throwIfAborted();
    if (this.#ended)
      throw new ProblemError({ code: 'GitFailed', message: 'git cat-file ended before it answered' });
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#options.signal.throwIfAborted();
  }
}

/** Git does not look whether a stored object is what its name says; a bad disk must not become a manifest. */
function checked(content: Buffer, oid: string): Buffer {
  const hash = createHash(oid.length === 64 ? 'sha256' : 'sha1');
  if (hash.update(`blob ${content.length}\0`).update(content).digest('hex') === oid) return content;
  const message = `the stored content ${oid.slice(0, 12)} is damaged`;
  throw new ProblemError({ code: 'GitFailed', message, hint: 'git fsck shows what else is' });
}
