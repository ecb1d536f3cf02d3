/** What somebody uses, until it is disposed of. */
export interface Lease<V> extends Disposable {
  value: V;
}

interface Slot<V> {
  value: V;
  users: number;
  idle: NodeJS.Timeout | undefined;
}

/** Things that several use at once: made for the first of them, and ended a while after the last has left. */
export class Shared<V> {
  readonly #slots = new Map<string, Slot<V>>();
  readonly #end: (value: V) => void;
  readonly #idle: number;

  /** `idle`: how long a thing is kept that nobody uses, in ms. */
  constructor(idle: number, end: (value: V) => void) {
    this.#idle = idle;
    this.#end = end;
  }

  get values(): V[] {
    return [...this.#slots.values()].map(({ value }) => value);
  }

  lease(key: string, make: () => V): Lease<V> {
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { value: make(), users: 0, idle: undefined };
      this.#slots.set(key, slot);
    }
    const { value } = slot;
    const own = slot;
    clearTimeout(own.idle);
    own.users += 1;
    let isOver = false;
    return {
      value,
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        own.users -= 1;
        if (own.users > 0) return;
        if (this.#slots.get(key) === own) this.#rest(key, own);
        else this.#end(value);
      },
    };
  }

  /** The next one who wants it gets a new one; those who use it go on, and the last of them ends it. */
  forget(key: string, value: V): void {
    const slot = this.#slots.get(key);
    if (slot?.value !== value) return;
    if (slot.users === 0) this.#drop(key);
    else this.#slots.delete(key);
  }

  /** Ends all that nobody uses, at once. */
  clear(): void {
    for (const [key, { users }] of this.#slots) if (users === 0) this.#drop(key);
  }

  #rest(key: string, slot: Slot<V>): void {
    slot.idle = setTimeout(() => this.#drop(key), this.#idle);
    slot.idle.unref();
  }

  #drop(key: string): void {
    const slot = this.#slots.get(key)!;
    clearTimeout(slot.idle);
    this.#slots.delete(key);
    this.#end(slot.value);
  }
}
