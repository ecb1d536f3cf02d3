import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { Http2SessionManager } from '@connectrpc/connect-node';

/** Sessions of HTTP/2, one after the other, that tell when one of them has ended. */
export class WatchedSessions extends Http2SessionManager {
  /** Called for each session that a call was made by, once it has ended. */
  onLost: () => void = () => {};
  #watched: ClientHttp2Session | undefined;

  override async request(...call: Parameters<Http2SessionManager['request']>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session && session !== this.#watched) {
      this.#watched = session as ClientHttp2Session;
      session.once('close', () => this.onLost());
    }
    return stream;
  }
}
