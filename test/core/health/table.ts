import test from 'ava';
import { judgeHealth } from '../../../core/health/judge.ts';
import { readLiveObjects } from '../../../core/manifest/live.ts';
import type { KubeObject } from '../../../core/model/object.ts';

/** The time at which all tables judge. */
export const NOW = new Date('2026-03-01T12:00:00Z');

/** One live object and how it has to be judged. */
export interface Row {
  title: string;
  /** `apps/v1 Deployment`. */
  kind: string;
  /** YAML of the rest; metadata with a name is added where there is none. */
  yaml: string;
  /** `degraded CrashLoopBackOff`, with ` !` behind it where waiting makes no sense. */
  health: string;
  /** The message, where the row is about it. */
  says?: string | RegExp;
  /** `kstatus`, `Argo CD` or `both` agree with us; else who does not, and why we do as we do. */
  as?: string;
}

/** Reads YAML or JSON text as the command does. */
export function live(text: string): KubeObject {
  const { objects, problems } = readLiveObjects(Buffer.from(text), 'row');
  if (problems.length > 0 || objects.length !== 1)
    throw new Error(`bad row: ${JSON.stringify(problems)}\n${text}`);
  return objects[0]!;
}

/** Declares one test for each row. */
export function judgeTable(about: string, rows: readonly Row[]): void {
  for (const { title, kind, yaml, health, says } of rows) {
    test(`${about}: ${title}`, (t) => {
      const [apiVersion, kindName] = kind.split(' ');
      const metadata = /^metadata:/m.test(yaml)
        ? ''
        : 'metadata: {name: test, namespace: qual, generation: 1}\n';
      const object = live(`apiVersion: ${apiVersion}\nkind: ${kindName}\n${metadata}${yaml}`);
      const judged = judgeHealth(object, { now: NOW });
      t.is(`${judged.status} ${judged.reason}${judged.terminal ? ' !' : ''}`, health);
      if (typeof says === 'string') t.is(judged.message, says);
      else if (says) t.regex(judged.message ?? '', says);
    });
  }
}
