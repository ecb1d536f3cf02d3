/** What tests of apply sets do: runs of a set of a test's own, and what is there afterwards. */
import { applySetId } from '../../core/apply/apply-set.ts';
import type { RunOptions, SetOptions } from '../../core/apply/plan-run.ts';
import type { ApplyRecord } from '../../core/model/apply.ts';
import type { Change } from '../../core/model/plan.ts';
import { type ApplyTextOptions, applyText, planText } from './apply.ts';
import type { Stage } from './plan.ts';

export interface SetRunOptions extends Omit<ApplyTextOptions, 'applySet' | 'adopted'> {
  /** The parent's name; `set` where not said. */
  name?: string;
  prune?: boolean;
  allowance?: SetOptions['allowance'];
  kinds?: readonly string[];
  adopt?: readonly string[];
  record?: SetOptions['record'];
}

/** The ID of a set whose parent is in the stage's namespace. */
export function setId(on: Stage, name = 'set'): string {
  return applySetId({ namespace: on.namespace, name }).id;
}

/** Applies as `--applyset NAME --prune` would. */
export function applyAsSet(on: Stage, yaml: string, options: SetRunOptions = {}): Promise<ApplyRecord> {
  const { name, prune, allowance, kinds, adopt, record, ...rest } = options;
  return applyText(on, yaml, { ...rest, ...setOptions(on, options) });
}

/** The changes that `diff --applyset set --prune` shows. */
export function planOfSet(on: Stage, yaml: string, options: SetRunOptions = {}): Promise<Change[]> {
  return planText(on, yaml, setOptions(on, options));
}

/** What `--applyset NAME --prune` means. */
export function setOptions(on: Stage, options: SetRunOptions): Pick<RunOptions, 'applySet' | 'adopted'> {
  const { name = 'set', prune = true, allowance, kinds = [], adopt = [], record } = options;
  return {
    adopted: new Set(adopt),
    applySet: {
      set: applySetId({ namespace: on.namespace, name }),
      prune,
      pruneKinds: new Set(kinds.map((kind) => kind.toLowerCase())),
      version: '0.0.0-test',
      ...(allowance && { allowance }),
      ...(record && { record }),
    },
  };
}

/** `configmap/a`, … of those with the label of a set, sorted, in the namespace. */
export async function membersOf(on: Stage, name = 'set', kinds = 'cm,secret,svc,deploy'): Promise<string[]> {
  const selector = `applyset.kubernetes.io/part-of=${setId(on, name)}`;
  const text = await on.kubectl(['get', kinds, '-l', selector, '-o', 'name']);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** What the parent says of its set; undefined where there is none. */
export async function parentOf(on: Stage, name = 'set'): Promise<Record<string, string> | undefined> {
  const text = await on.kubectl(['get', 'cm', name, '--ignore-not-found', '-o', 'json']);
  if (text === '') return undefined;
  const { metadata } = JSON.parse(text) as {
    metadata: Record<'labels' | 'annotations', Record<string, string>>;
  };
  const short = Object.entries({ ...metadata.labels, ...metadata.annotations }).map(([key, value]) => [
    key.replace('applyset.kubernetes.io/', ''),
    value,
  ]);
  return Object.fromEntries(short) as Record<string, string>;
}

/** A ConfigMap of a test, as a document. */
export function configMap(name: string, data = 'a: "1"', metadata = ''): string {
  return `
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}${metadata}}
data: {${data}}
---
`;
}
