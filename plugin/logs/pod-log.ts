import type { ApiFailure, Cluster, LogSelection, PodName } from '../../core/model/cluster.ts';

/** Takes a line; the next one waits for it. */
export type TakeLine = (text: string) => Promise<void> | void;

/**
 * The log of one Pod. It remembers how far it was read by the times of the node, so that reading on after the connection
 * broke neither leaves a line out nor takes one twice.
 */
export class PodLog {
  readonly #cluster: Pick<Cluster, 'readLog'>;
  readonly #pod: PodName;
  readonly #container: string | undefined;
  /** When the last line was written, and how many lines were taken of that moment: runtimes stamp what they read at once. */
  #at = '';
  #taken = 0;
  /** Half a line, with which the log ended for now. */
  #rest: { at: string; text: string } | undefined;

  constructor(cluster: Pick<Cluster, 'readLog'>, pod: PodName, container: string | undefined) {
    this.#cluster = cluster;
    this.#pod = pod;
    this.#container = container;
  }

  /**
   * Reads on, from what `selection` says the first time, until the log ends or breaks off. Returns why it broke off;
   * rejects with the reason of `signal`.
   */
  async read(selection: LogSelection, signal: AbortSignal, take: TakeLine): Promise<ApiFailure | undefined> {
    const [from, taken] = [this.#at, this.#taken];
    const { sinceSeconds: _age, tailLines: _lines, sinceTime: _time, ...rest } = selection;
    const container = this.#container === undefined ? {} : { container: this.#container };
    const options = { ...(from === '' ? selection : { ...rest, sinceTime: from }), ...container, signal };
    let again = 0;
    for await (const event of this.#cluster.readLog(this.#pod, options)) {
      if (event.type === 'ERROR') return event.failure;
      const { at, text, isWhole } = event;
      if (from !== '' && at !== '') {
        // The node counts in whole seconds.
        if (at < from) continue;
        if (at === from && again++ < taken) continue;
      }
      if (!isWhole) this.#rest = { at, text };
      else await this.#take({ at, text }, take);
    }
    return undefined;
  }

  /** Takes half a line that nothing followed: the container ended with it. Of half a time there is no line. */
  async finish(take: TakeLine): Promise<void> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest && rest.at !== '') await take(rest.text);
  }

  async #take(line: { at: string; text: string }, take: TakeLine): Promise<void> {
    const rest = this.#rest;
    this.#rest = undefined;
    // The same line comes again, as a whole; after another one it was all there was of it.
    if (rest && rest.at !== '' && rest.at !== line.at) await this.#take(rest, take);
    if (line.at !== '') {
      this.#taken = line.at === this.#at ? this.#taken + 1 : 1;
      this.#at = line.at;
    }
    await take(line.text);
  }
}
