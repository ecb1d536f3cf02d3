/** A Node whose kubelet is ours: the real API server asks it for the logs of its Pods, and tests say what is in them. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { Authority } from '../core/kube/certificates.ts';
import { accessOf, apiRequest, type Endpoint, sharedCluster } from './cluster.ts';
import { makeKubeletNode, makePodOn } from './kubelet-node.ts';

interface Written {
  /** In ms since 1970. */
  at: number;
  text: string;
}

/** What a kubelet answers where it has no log. */
interface Refusal {
  status: number;
  text: string;
}

/** The log of the one container of a Pod. */
export class ContainerLog {
  readonly lines: Written[] = [];
  /** Of the run before; undefined where there was none. */
  previous: string[] | undefined;
  refusal: Refusal | undefined;
  /** Those who follow, as long as they do. */
  readonly followers = new Set<ServerResponse>();

  /** Writes a line, half a second after the last one where no time is said. */
  write(text: string, at = Math.max(Date.now(), (this.lines.at(-1)?.at ?? 0) + 1)): void {
    const line = { at, text };
    this.lines.push(line);
    for (const follower of this.followers) follower.write(stamped(line));
  }

  /** Writes a line of which followers see only so many bytes before the kubelet's connection breaks, or ends. */
  tear(text: string, bytes: number, how: 'destroy' | 'end'): void {
    const line = { at: Date.now(), text };
    this.lines.push(line);
    for (const follower of this.followers) {
      const part = stamped(line).subarray(0, bytes);
      if (how === 'end') follower.end(part);
      else follower.write(part, () => follower.destroy());
    }
  }

  /** The container ends, and with it what is followed. */
  end(): void {
    for (const follower of this.followers) follower.end();
  }
}

/** As kubelets do with `timestamps`. */
function stamped({ at, text }: Written): Buffer {
  return Buffer.from(`${new Date(at).toISOString().replace('Z', '000123Z')} ${text}\n`);
}

export class LogNode implements AsyncDisposable {
  readonly name: string;
  /** The queries with which logs were asked for, by their Pods. */
  readonly asked: { pod: string; query: URLSearchParams }[] = [];
  readonly #logs = new Map<string, ContainerLog>();
  readonly #authority = new Authority('kubelet');
  readonly #server: https.Server;
  readonly #endpoint: Endpoint;

  private constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.name = `log-node-${randomBytes(4).toString('hex')}`;
    this.#server = https.createServer(
      this.#authority.issue('kubelet', ['IP:127.0.0.1']),
      (request, response) => this.#answer(request, response),
    );
  }

  /** Listens, and makes the Node that says where. Nothing else is scheduled to it. */
  static async start(endpoint: Endpoint = sharedCluster()): Promise<LogNode> {
    const node = new LogNode(endpoint);
    node.#server.listen(0, '127.0.0.1');
    await once(node.#server, 'listening');
    const { port } = node.#server.address() as AddressInfo;
    await makeKubeletNode(endpoint, node.name, port);
    return node;
  }

  /** A Pod on this Node, and its log. */
  async pod(
    namespace: string,
    name: string,
    options: { containers?: readonly string[]; args?: readonly string[] } = {},
  ): Promise<ContainerLog> {
    const log = new ContainerLog();
    this.#logs.set(`${namespace}/${name}`, log);
    await makePodOn(this.#endpoint, this.name, namespace, name, options);
    return log;
  }

  /** The kubelet is away. */
  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#authority.remove();
    await apiRequest(accessOf(this.#endpoint), 'DELETE', `/api/v1/nodes/${this.name}`);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, 'https://kubelet');
    const [, kind, namespace, pod] = url.pathname.split('/');
    const log = this.#logs.get(`${namespace}/${pod}`);
    if (kind !== 'containerLogs' || !log) return void response.writeHead(404).end('no such Pod');
    const query = url.searchParams;
    this.asked.push({ pod: pod!, query });
    const { refusal, previous, lines, followers } = log;
    const refused =
      refusal ??
      (query.get('previous') === 'true' && !previous
        ? { status: 400, text: `previous terminated container "agent" in pod "${pod}" not found` }
        : undefined);
    if (refused) return void response.writeHead(refused.status).end(refused.text);
    const all = query.get('previous') === 'true' ? previous!.map((text) => ({ at: 0, text })) : lines;
    const since = query.has('sinceTime')
      ? Date.parse(query.get('sinceTime')!)
      : Date.now() - Number(query.get('sinceSeconds') ?? Date.now() / 1000) * 1000;
    const young = all.filter(({ at }) => at >= since);
    const tail = query.get('tailLines');
    const wanted = tail === null ? young : young.slice(young.length - Number(tail));
    response.writeHead(200, { 'transfer-encoding': 'chunked' });
    // Two bytes short of a line, so that lines and characters are in two pieces.
    const bytes = Buffer.concat(wanted.map(stamped));
    for (let from = 0; from < bytes.length; from += 61) response.write(bytes.subarray(from, from + 61));
    if (query.get('follow') !== 'true') return void response.end();
    followers.add(response);
    response.on('close', () => followers.delete(response));
  }
}
