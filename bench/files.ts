import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import type { Item } from './objects.ts';

const DOCUMENTS_PER_FILE = 50;

/** Writes manifests as people keep them: a directory for each namespace, files of 50 documents. */
export function writeManifests(directory: string, items: readonly Item[]): void {
  const namespaces = Map.groupBy(items, (item) => item.namespace);
  for (const [namespace, own] of namespaces) {
    mkdirSync(join(directory, namespace), { recursive: true });
    for (let start = 0; start < own.length; start += DOCUMENTS_PER_FILE) {
      const name = `${String(start / DOCUMENTS_PER_FILE).padStart(3, '0')}.yaml`;
      const documents = own.slice(start, start + DOCUMENTS_PER_FILE).map(({ wanted }) => dump(wanted));
      writeFileSync(join(directory, namespace, name), documents.join('---\n'));
    }
  }
}
