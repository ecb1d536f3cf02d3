/** A realistic set of objects, and what people and other programs do to it behind our back. */
import { readFileSync } from 'node:fs';
import type { Stage } from './plan.ts';

const SHOP = readFileSync(new URL('shop.yaml', import.meta.url), 'utf8');

/** What somebody did to an object of the shop, and which of our fields differ then. */
export interface Edit {
  title: string;
  /** `Deployment/web`. PREFIX stands for the namespace here and in what follows. */
  object: string;
  /** kubectl's arguments, one command after the other; those in JSON hold no blanks. */
  run?: string[];
  /** Then, a server-side apply of another manager. */
  apply?: { manager: string; yaml: string };
  fields: string[];
  /** Defaults that come or go with the fields. */
  beside?: string[];
}

export const POD = 'spec.template.spec';
export const APP = `${POD}.containers[name="app"]`;

export function patch(object: string, value: object, type = 'strategic'): string {
  return `patch ${object} --type=${type} --field-manager=kubectl-edit -p ${JSON.stringify(value)}`;
}

export function jsonPatch(object: string, ...operations: object[]): string {
  return patch(object, operations, 'json');
}

/** The whole set, or the one document of an object. */
export function shop(on: Stage, object?: string): string {
  const text = local(on, SHOP);
  if (object === undefined) return text;
  const [kind, name] = local(on, object).split('/');
  const found = text
    .split(/^---$/m)
    .find((document) => document.includes(`kind: ${kind}\n`) && document.includes(`\n  name: ${name}\n`));
  if (!found) throw new Error(`the shop has no ${object}`);
  return found;
}

export async function make(on: Stage, { run = [], apply }: Edit): Promise<void> {
  for (const command of run) await on.kubectl(local(on, command));
  if (!apply) return;
  const args = ['apply', '--server-side', '--force-conflicts', `--field-manager=${apply.manager}`, '-f', '-'];
  await on.kubectl(args, local(on, apply.yaml));
}

/** What the plan has to tell after edits of different objects. */
export function expected(on: Stage, ...edits: Edit[]): Record<string, string[]> {
  const changed = edits.filter(({ fields }) => fields.length > 0);
  return Object.fromEntries(changed.map((edit) => [local(on, edit.object), ['update', ...edit.fields]]));
}

function local(on: Stage, text: string): string {
  return text.replaceAll('PREFIX', on.namespace);
}
