import type { ObjectHealth } from '../../core/model/health.ts';
import { formatObject, type ObjectId, objectKey } from '../../core/model/object.ts';
import { oneLine } from '../../core/report/escape.ts';
import type { View } from '../view.ts';

interface UnderWay {
  text: string;
  since: number;
}

/** What an apply is doing: how far it has come, what is being written, what is waited for. `now` is in ms. */
export class ApplyView {
  readonly #now: () => number;
  readonly #writing = new Map<string, UnderWay>();
  #unwell = new Map<string, UnderWay>();
  #done = 0;
  #total = 0;
  #wave = '';
  #first: ObjectHealth | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  planned(total: number): void {
    this.#total = total;
  }

  wave(number: number, of: number): void {
    this.#wave = of > 1 ? `, wave ${number} of ${of}` : '';
  }

  begin(id: ObjectId): void {
    this.#writing.set(objectKey(id), { text: oneLine(formatObject(id)), since: this.#now() });
  }

  end(id: ObjectId): void {
    this.#writing.delete(objectKey(id));
    this.#done += 1;
  }

  health(unwell: readonly ObjectHealth[]): void {
    const now = this.#now();
    this.#first = unwell[0];
    this.#unwell = new Map(
      unwell.map((one) => {
        const key = objectKey(one.id);
        const { status, reason, message } = one.health;
        const text = `${formatObject(one.id)}: ${status}, ${reason}${message ? `: ${message}` : ''}`;
        return [key, { text: oneLine(text), since: this.#unwell.get(key)?.since ?? now }];
      }),
    );
  }

  /** As it is now. */
  view(): View {
    const isWaiting = this.#writing.size === 0 && this.#unwell.size > 0;
    const underWay = [...this.#writing.values(), ...this.#unwell.values()].sort((a, b) => a.since - b.since);
    const details = underWay.map(({ text, since }) => `${this.#seconds(since)}  ${text}`);
    const done = `${this.#done} of ${this.#total} objects`;
    const bar = { done: this.#done, total: this.#total };
    if (!isWaiting)
      return { plain: `applying: ${done} …`, head: `applying ${done}${this.#wave}`, bar, details };
    const { id, health } = this.#first!;
    const others = this.#unwell.size > 1 ? ` and ${this.#unwell.size - 1} more` : '';
    const name = oneLine(formatObject(id));
    return {
      plain: `waiting for ${name} (${health.status}, ${oneLine(health.reason)})${others} …`,
      head: `waiting, ${this.#unwell.size} not healthy yet${this.#done < this.#total ? this.#wave : ''}`,
      bar: { done: this.#done - Math.min(this.#done, this.#unwell.size), total: this.#total },
      details,
    };
  }

  #seconds(since: number): string {
    return `${Math.floor((this.#now() - since) / 1000)}s`.padStart(4);
  }
}
