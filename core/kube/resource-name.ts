import type { Discovery, Resource } from '../model/cluster.ts';

/**
 * Finds the kind that a person means, as kubectl does: `deployments`, `deployment`, `deploy` or `Deployment`, alone or
 * with `.apps` or `.v1.apps` behind. Undefined where the server has none.
 */
export function findResource({ resources }: Discovery, spelling: string): Resource | undefined {
  const [word = '', ...rest] = spelling.toLowerCase().split('.');
  const suffix = rest.join('.');
  const fitting = resources.filter(
    ({ group, version }) => suffix === '' || suffix === group || suffix === `${version}.${group}`,
  );
  // A short name gives way to a full one, wherever that is: what has both comes first in discovery otherwise.
  return (
    fitting.find(({ plural, singular }) => plural === word || singular === word) ??
    fitting.find(({ kind }) => kind.toLowerCase() === word) ??
    fitting.find(({ shortNames }) => shortNames?.includes(word))
  );
}

/** Splits `deploy/web`, or `deploy` and `web`. Undefined where that names no single object. */
export function splitObject(words: readonly string[]): { kind: string; name: string } | undefined {
  const parts = words.length === 1 ? words[0]!.split('/') : words;
  const [kind, name] = parts;
  if (
    parts.length !== 2 ||
    !kind ||
    !name ||
    (words.length === 2 && words.some((word) => word.includes('/')))
  )
    return undefined;
  return { kind, name };
}
