import type { Problem } from '../core/model/problem.ts';
import type { Job } from './job.ts';

/** A remark about a place in a file. */
export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  message: string;
  file?: string;
  line?: number;
}

/** Where a job runs: how it is told of, and how it tells. Whatever is printed is safe and without secrets. */
export interface Host {
  readonly job: Job;
  /** Makes sure that a value is never shown. */
  hide(secret: string): void;
  say(text: string): void;
  warn(text: string): void;
  fail(problems: readonly Problem[]): void;
  /** Prints what comes of `run` as one part that can be folded. */
  section<T>(title: string, run: () => Promise<T>): Promise<T>;
  /** Hands values to later jobs or steps; names in snake_case. */
  output(values: Readonly<Record<string, string>>): void;
  /** Shows Markdown where the host has a place for it. */
  summary(markdown: string): Promise<void>;
  annotate(annotations: readonly Annotation[]): void;
}

/** Takes values out of what is shown, in the forms in which they travel. */
export class Hidden {
  readonly #forms = new Set<string>();

  add(secret: string): void {
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
    for (const form of forms) if (form.length >= 8) this.#forms.add(form);
  }

  clean(text: string): string {
    let clean = text;
    for (const form of this.#forms) clean = clean.replaceAll(form, '[hidden]');
    return clean;
  }
}
