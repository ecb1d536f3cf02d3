import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, pipeline } from 'node:stream';

/**
 * A socket of the system's that carries the bytes of a stream that is none, such as a WebSocket. Node's HTTP/2 is made
 * for such sockets: over other streams a session that ends while a write is under way fails an assertion of Node's
 * (`JSStreamSocket.doWrite`), which ends the program, and an answer that comes in one turn counts as cut off. The two
 * meet at a path that only this user can reach, and that is gone once they have met.
 */
export function asSocket(stream: Duplex): net.Socket {
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-stream-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const door = net.createServer((other) => {
    door.close(remove);
    // Whoever was there may have gone meanwhile.
    if (!stream.readable || !stream.writable) other.destroy();
    else pipeline(stream, other, stream, () => {});
  });
  const path = join(directory, 's');
  door.listen(path);
  const socket = net.connect(path);
  // Its end is the socket's end, which others listen to.
  stream.on('error', () => {});
  door.once('error', (error) => socket.destroy(error));
  socket.once('close', () => door.close(remove));
  socket.once('close', () => stream.destroy());
  stream.once('close', () => socket.destroy());
  return socket;
}
