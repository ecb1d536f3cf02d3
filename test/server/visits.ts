/** Requests to a cluster through an agent server, and an agent that answers them by hand. */
import http from 'node:http';
import { fromBinary } from '@bufbuild/protobuf';
import { type HttpRequest, HttpRequestSchema } from '../../core/grpc/generated/http_pb.ts';
import { HeaderExtraSchema } from '../../core/grpc/generated/kubernetes_api_pb.ts';
import type { ConnectResponse } from '../../core/grpc/generated/reverse_tunnel_pb.ts';
import type { ScriptedTunnel } from '../kas/scripted-tunnel.ts';

interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request as it is written here, without anything that a client would mend. */
export function ask(
  url: string,
  path: string,
  options: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Reply> {
  const { hostname, port, pathname } = new URL(url);
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        hostname,
        port,
        path: path.startsWith('!') ? path.slice(1) : pathname.slice(0, -1) + path,
        method,
        headers,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    request.on('error', reject);
    // Whatever is wrong, a test must not hang.
    request.setTimeout(45_000, () => request.destroy(new Error(`no answer to ${path}`)));
    request.end(body);
  });
}

export function partOf(msg: ConnectResponse['msg'] | undefined): HttpRequest['message'] {
  if (msg?.case !== 'message') throw new Error(`no message: ${msg?.case}`);
  return fromBinary(HttpRequestSchema, msg.value.data).message;
}

/** Answers one request that the tunnel gets with `200 ok`, and returns its header. */
export async function serveOne(tunnel: ScriptedTunnel) {
  const info = await tunnel.next();
  if (info?.case !== 'requestInfo') throw new Error(`no request: ${info?.case}`);
  const header = partOf(await tunnel.next());
  if (header.case !== 'header') throw new Error(`no header: ${header.case}`);
  const body: Buffer[] = [];
  for (;;) {
    const part = partOf(await tunnel.next());
    if (part.case === 'trailer') break;
    if (part.case === 'data') body.push(Buffer.from(part.value.data));
  }
  tunnel.begin(200, { 'Content-Type': { value: ['text/plain'] } });
  tunnel.answer({ case: 'data', value: { data: Buffer.from('ok') } });
  tunnel.finish();
  const extra = header.value.extra && fromBinary(HeaderExtraSchema, header.value.extra.value);
  return {
    method: info.value.methodName,
    request: header.value.request!,
    as: extra?.impConfig,
    body: Buffer.concat(body).toString(),
  };
}
