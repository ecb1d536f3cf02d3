import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A port in front of another one, as if that were far away: all bytes arrive `ms` later, in both directions. */
export class FarPort implements AsyncDisposable {
  readonly #listener: net.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, ms: number) {
    this.#listener = net.createServer((near) => {
      const far = net.connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.setNoDelay(true);
        from.on('error', () => {});
        from.once('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        // As much as there is: the network between is long, not narrow.
        from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), ms));
        from.on('end', () => setTimeout(() => to.end(), ms));
      }
    });
  }

  static async open(port: number, ms: number): Promise<FarPort> {
    const made = new FarPort(port, ms);
    made.#listener.listen(0, '127.0.0.1');
    await once(made.#listener, 'listening');
    return made;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
