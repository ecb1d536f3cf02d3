/**
 * Lives in a network namespace and keeps it: does there what the test that started it can't do from outside. A socket
 * belongs to the namespace in which it was made, so it listens, and hands the socket over. When the test ends, however
 * it does, this ends what else runs in the namespace, and itself; the kernel then removes the namespace with all in it.
 */
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Ask } from './network-namespace.ts';

const CONNECT_TIMEOUT_MS = 1000;

const send = process.send!.bind(process);

process.on('message', ({ id, ...ask }: Ask & { id: number }) => {
  const refuse = (error: Error): unknown => send({ id, error: error.message });
  if (ask.what === 'forward packets') {
    try {
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      send({ id });
    } catch (error) {
      refuse(error as Error);
    }
    return;
  }
  const { address, port } = ask;
  if (ask.what === 'listen') {
    const server = createServer().on('error', refuse);
    server.listen(port, address, () => send({ id }, server, {}, () => server.close()));
    return;
  }
  const socket = connect({ host: address, port, timeout: CONNECT_TIMEOUT_MS });
  const answer = (text: string): void => {
    socket.destroy();
    send({ id, answer: text });
  };
  socket.on('connect', () => answer('connected'));
  socket.on('timeout', () => answer('no answer'));
  socket.on('error', (error: NodeJS.ErrnoException) => answer(error.code ?? error.message));
});

process.on('disconnect', () => {
  const namespaceOf = (pid: string): string | undefined => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`);
    } catch {
      // It has ended, or is somebody else's.
      return undefined;
    }
  };
  const here = namespaceOf('self');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) !== process.pid && namespaceOf(pid) === here) end(Number(pid));
  }
  process.exit();
});

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

// In a terminal Ctrl-C reaches this too, which has to outlive those who end in order.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});

send({ id: 0 });
