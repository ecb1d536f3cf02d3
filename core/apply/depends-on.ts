import { dig } from '../model/json.ts';
import type { Manifest } from '../model/manifest.ts';
import { type KubeObject, objectKey } from '../model/object.ts';
import type { Problem } from '../model/problem.ts';

export const DEPENDS_ON = 'config.kubernetes.io/depends-on';
export const SYNC_WAVE = 'argocd.argoproj.io/sync-wave';

const HINT = 'write GROUP/namespaces/NAMESPACE/KIND/NAME or GROUP/KIND/NAME; the core group is empty';

/** An object that another one has to come after. */
export interface Dependency {
  /** As `objectKey` writes it. */
  key: string;
  /** As the annotation writes it. */
  text: string;
}

/**
 * Reads `config.kubernetes.io/depends-on`, in both forms that cli-utils has (pkg/object/dependson):
 * `apps/namespaces/shop/Deployment/db` and `rbac.authorization.k8s.io/ClusterRole/reader`, comma-separated. What is
 * written otherwise goes to `problems`.
 */
export function dependenciesOf({ object, source, id }: Manifest, problems: Problem[]): Dependency[] {
  const text = dig(object, 'metadata', 'annotations', DEPENDS_ON);
  if (typeof text !== 'string') return [];
  return referencesOf(text).flatMap(({ key, text: reference }): Dependency[] => {
    if (key !== undefined) return [{ key, text: reference }];
    const message = `${DEPENDS_ON}: can't read ${JSON.stringify(reference)}`;
    problems.push({ code: 'DependsOn', message, ...source, object: id, hint: HINT });
    return [];
  });
}

/** What the annotation of a live object names; what can't be read, long applied, names nothing. */
export function keysNamedBy(live: KubeObject): string[] {
  const text = dig(live, 'metadata', 'annotations', DEPENDS_ON);
  return typeof text === 'string' ? referencesOf(text).flatMap(({ key }) => key ?? []) : [];
}

function referencesOf(text: string): { key: string | undefined; text: string }[] {
  return text.split(',').map((part) => {
    const reference = part.trim();
    return { key: keyOf(reference.split('/')), text: reference };
  });
}

function keyOf(pieces: string[]): string | undefined {
  if (pieces.slice(1).includes('')) return undefined;
  if (pieces.length === 3) {
    const [group, kind, name] = pieces as [string, string, string];
    return objectKey({ group, kind, name });
  }
  if (pieces.length !== 5 || pieces[1] !== 'namespaces') return undefined;
  const [group, , namespace, kind, name] = pieces as [string, string, string, string, string];
  return objectKey({ group, kind, namespace, name });
}

/** The number of `argocd.argoproj.io/sync-wave`; 0 where there is none. What is no integer goes to `problems`. */
export function syncWaveOf({ object, source, id }: Manifest, problems: Problem[]): number {
  const text = dig(object, 'metadata', 'annotations', SYNC_WAVE) ?? '0';
  if (/^[+-]?\d{1,9}$/.test(String(text))) return Number(text);
  const message = `${SYNC_WAVE} must be an integer, not ${JSON.stringify(text)}`;
  problems.push({ code: 'SyncWave', message, ...source, object: id });
  return 0;
}
