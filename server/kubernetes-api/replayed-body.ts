/** What is kept of a body so that it can be sent once more, in bytes: any manifest, and no upload. */
const MOST_KEPT = 256 * 1024;

/** A body that can be read again from its beginning, as long as not much of it was read. */
export class ReplayedBody {
  readonly #source: AsyncIterator<Uint8Array>;
  #kept: Uint8Array[] | undefined = [];
  #bytes = 0;
  /** Asked for, and not there yet: whoever reads next gets it. */
  #pending: Promise<IteratorResult<Uint8Array>> | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  get canReplay(): boolean {
    return this.#kept !== undefined;
  }

  /** From the beginning, where that can be had. One reader at a time; an earlier one gets no more. */
  async *read(): AsyncGenerator<Uint8Array> {
    yield* this.#kept ?? [];
    for (;;) {
      this.#pending ??= this.#source.next();
      const { done, value } = await this.#pending;
      this.#pending = undefined;
      if (done) return;
      this.#bytes += value.length;
      if (this.#bytes > MOST_KEPT) this.#kept = undefined;
      this.#kept?.push(value);
      yield value;
    }
  }
}
