import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

/**
 * A socket of the system's that carries the bytes of a stream that is none, such as a WebSocket. Node's HTTP/2 is made
 * for such sockets: over other streams a session that ends while a write is under way fails an assertion of Node's
 * (`JSStreamSocket.doWrite`), which ends the program, and an answer that comes in one turn counts as cut off. The two
 * meet at a path that only this user can reach, and that is gone once they have met.
 */
export function asSocket(stream: Duplex): net.Socket {
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-stream-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  let haveMet = false;
  const door = net.createServer((other) => {
    // At once: whoever is killed later leaves nothing behind.
    door.close();
    remove();
    // Whoever was there may have gone meanwhile.
    if (!stream.readable || !stream.writable) return void other.destroy();
    haveMet = true;
    other.on('error', () => {});
    // Each end comes after what was said before it: a stream's last words are how a call ended.
    stream.pipe(other).pipe(stream);
    stream.once('close', () => other.destroySoon());
    other.once('close', () => {
      if (!other.readableEnded) stream.destroy();
    });
  });
  const path = join(directory, 's');
  door.listen(path);
  const socket = net.connect(path);
  // Its end is the socket's end, which others listen to. Where the peer has said nothing, the error is why.
  stream.on('error', (error) => {
    if (socket.bytesRead === 0) socket.destroy(error);
  });
  door.once('error', (error) => socket.destroy(error));
  socket.once('close', () => {
    door.close(remove);
    if (!haveMet) stream.destroy();
  });
  stream.once('close', () => {
    if (!haveMet) socket.destroy();
  });
  return socket;
}
