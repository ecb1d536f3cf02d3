import { randomBytes } from 'node:crypto';
import type { Ask } from './http-client.ts';
import { median } from './table.ts';
import type { Way } from './tunnel-ways.ts';

const AT_ONCE = 20;
const LISTS = 2;
const WARM_LISTS = 5;
/** As many bytes as a manifest may have, about. */
const UPLOAD = 900_000;
const IDENTITY = { 'accept-encoding': 'identity' };
const GZIP = { 'accept-encoding': 'gzip' };

/** What one way has shown. Times in ms, rates in MB/s. */
export class Turns {
  readonly #way: Way;
  readonly #namespace: string;
  readonly #times = new Map<string, number[]>();
  readonly #rates = new Map<string, number[]>();
  readonly #cpu = new Map<string, { server: number; agent: number; count: number }>();

  constructor(way: Way, namespace: string) {
    this.#way = way;
    this.#namespace = namespace;
  }

  /**
   * Connections and tunnels are open after it, and programs are compiled as those are that run for days: what is measured
   * is not their first minute.
   */
  async warm(gets: number): Promise<void> {
    await this.#gets(gets, AT_ONCE);
    for (let done = 0; done < WARM_LISTS; done += 1) await this.#list(IDENTITY);
  }

  async take(gets: number): Promise<void> {
    await this.#metered('GET', gets, async () => this.#keep('one', await this.#gets(gets, 1)));
    this.#keep('at once', await this.#gets(gets * 3, AT_ONCE));
    for (const [name, headers] of [
      ['LIST', IDENTITY],
      ['LIST, gzip', GZIP],
    ] as const)
      await this.#metered(name, LISTS, async () => {
        for (let done = 0; done < LISTS; done += 1) {
          const { ms, bytes } = await this.#list(headers);
          this.#rates.set(name, [...(this.#rates.get(name) ?? []), bytes / 1000 / ms]);
        }
      });
    const data = { text: randomBytes(UPLOAD / 2).toString('hex') };
    const upload: Ask = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ metadata: { name: 'upload' }, data }),
    };
    for (let done = 0; done < LISTS; done += 1)
      this.#keep('upload', [(await this.#way.client.ask(`${this.#path}?dryRun=All`, upload)).ms]);
  }

  median(name: string): number {
    return median(this.#times.get(name)!);
  }

  p99(name: string): number {
    const sorted = this.#times.get(name)!.toSorted((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1]!;
  }

  rate(name: string): number {
    return median(this.#rates.get(name)!);
  }

  /** Of one request, in ms of server and agent; undefined where there are none. */
  cpu(name: string): string {
    const { server, agent, count } = this.#cpu.get(name)!;
    return this.#way.server ? [server, agent].map((s) => ((s * 1000) / count).toFixed(1)).join(' + ') : '';
  }

  get #path(): string {
    return `/api/v1/namespaces/${this.#namespace}/configmaps`;
  }

  #list(headers: Readonly<Record<string, string>>): Promise<{ ms: number; bytes: number }> {
    return this.#way.client.ask(this.#path, { headers });
  }

  async #gets(count: number, atOnce: number): Promise<number[]> {
    const path = `/api/v1/namespaces/${this.#namespace}`;
    const times: number[] = [];
    let left = count;
    const work = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        times.push((await this.#way.client.ask(path)).ms);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return times;
  }

  async #metered(name: string, count: number, work: () => Promise<void>): Promise<void> {
    const { server, agent } = this.#way;
    const before = [server?.cpuSeconds() ?? 0, agent?.cpuSeconds() ?? 0] as const;
    await work();
    const sum = this.#cpu.get(name) ?? { server: 0, agent: 0, count: 0 };
    sum.server += (server?.cpuSeconds() ?? 0) - before[0];
    sum.agent += (agent?.cpuSeconds() ?? 0) - before[1];
    sum.count += count;
    this.#cpu.set(name, sum);
  }

  #keep(name: string, times: readonly number[]): void {
    this.#times.set(name, [...(this.#times.get(name) ?? []), ...times]);
  }
}
