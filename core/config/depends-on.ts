import type { ManifestEntry } from '../model/agent-config.ts';
import { suggest } from './types.ts';

/** What is wrong with one name in the `depends_on` of an entry. */
interface DependencyFault {
  entry: string;
  /** Which of its names. */
  index: number;
  message: string;
  hint?: string;
}

/** Names that no entry has, and circles: each circle is told once, at the step that closes it. */
export function checkDependencies(entries: readonly ManifestEntry[]): DependencyFault[] {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const faults: DependencyFault[] = [];
  const done = new Set<string>();
  const way: string[] = [];

  const visit = (entry: ManifestEntry): void => {
    way.push(entry.name);
    for (const [index, name] of entry.dependsOn.entries()) {
      const next = byName.get(name);
      const start = way.indexOf(name);
      if (!next) faults.push({ entry: entry.name, index, ...unknown(name, entries) });
      else if (start >= 0) {
        const circle = [...way.slice(start), name].join(' → ');
        const message = name === entry.name ? `${name} depends on itself` : `a circle: ${circle}`;
        faults.push({ entry: entry.name, index, message, hint: 'remove one of the steps' });
      } else if (!done.has(name)) visit(next);
    }
    way.pop();
    done.add(entry.name);
  };
  for (const entry of byName.values()) if (!done.has(entry.name)) visit(entry);
  return faults;
}

function unknown(name: string, entries: readonly ManifestEntry[]): { message: string; hint?: string } {
  const message = `no entry is called ${name}`;
  const meant = entries.find(
    ({ repository }) => 'project' in repository && repository.project.split('/').at(-1) === name,
  );
  const hint = meant
    ? `did you mean ${meant.name}?`
    : suggest(
        name,
        entries.map((entry) => entry.name),
      );
  return { message, ...(hint && { hint }) };
}
