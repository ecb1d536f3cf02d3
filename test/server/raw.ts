import net from 'node:net';

/**
 * Sends bytes that no client would write, and resolves to what comes back (a character for each byte) when the other side
 * closes the connection, or once `isEnough` is true of it. Rejects after 20 s.
 */
export function sendRaw(
  port: number,
  bytes: string,
  isEnough: (answer: string) => boolean = () => false,
): Promise<{ answer: string; isClosed: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let answer = '';
    const end = (isClosed: boolean): void => {
      clearTimeout(late);
      socket.destroy();
      resolve({ answer, isClosed });
    };
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after 20 s: ${JSON.stringify(answer)}`));
    }, 20_000);
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      if (isEnough(answer)) end(false);
    });
    // That it was reset shows in the answer.
    socket.on('error', () => {});
    socket.on('close', () => end(true));
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}
