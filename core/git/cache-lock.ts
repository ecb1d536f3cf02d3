import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Lets one holder at a time write to a cache: within this program, and among all of this machine (a pod). The lock
 * is the name of an abstract Unix socket, made of the directory's device and inode: the kernel takes it back in the
 * moment when its holder dies, so none is ever stale. Such names are Linux's; elsewhere only the holders within
 * this program keep out of each other's way. Rejects with the signal's reason.
 */
export async function lockCache(
  directory: string,
  name: string,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const key = `${directory}\0${name}`;
  const before = inProgram.get(key) ?? Promise.resolve();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const turn = before.then(() => released);
  inProgram.set(key, turn);
  const end = (): void => {
    release();
    if (inProgram.get(key) === turn) inProgram.delete(key);
  };
  try {
    await unlessAborted(before, signal);
    const held =
      process.platform === 'linux' ? await holdName(await socketName(directory, name), signal) : undefined;
    return {
      [Symbol.asyncDispose]: async () => {
        await held?.[Symbol.asyncDispose]();
        end();
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}

const inProgram = new Map<string, Promise<void>>();
/** Between two tries where a name is taken but nobody answers, in ms. */
const PAUSE = 50;

async function socketName(directory: string, name: string): Promise<string> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const hash = createHash('sha256').update(`${dev}:${ino}:${name}`).digest('hex').slice(0, 40);
  return `\0gitlab-agent/git-cache/${hash}`;
}

async function holdName(name: string, signal: AbortSignal): Promise<AsyncDisposable> {
  for (;;) {
    signal.throwIfAborted();
    const held = await listen(name);
    if (held) return held;
    // Whoever holds the name keeps the connection open until it is done.
    if (!(await waitForEnd(name, signal))) await delay(PAUSE, undefined, { signal });
  }
}

/** Undefined where somebody else has the name. */
function listen(name: string): Promise<AsyncDisposable | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => {}).on('close', () => waiting.delete(socket));
    socket.resume();
  });
  const { promise, resolve, reject } = Promise.withResolvers<AsyncDisposable | undefined>();
  server.on('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
  );
  server.listen(name, () =>
    resolve({
      [Symbol.asyncDispose]: () =>
        new Promise((closed) => {
          server.close(() => closed());
          for (const socket of waiting) socket.destroy();
        }),
    }),
  );
  return promise;
}

/** Resolves when the holder lets go; false where it could not be reached. */
function waitForEnd(name: string, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect(name);
  let reached = false;
  const abort = (): void => {
    socket.destroy();
    reject(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  socket.on('connect', () => {
    reached = true;
  });
  socket.on('error', () => resolve(reached));
  socket.on('close', () => resolve(reached));
  socket.resume();
  return promise.finally(() => signal.removeEventListener('abort', abort));
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise: aborted, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}
