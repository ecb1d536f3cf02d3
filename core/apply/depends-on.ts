import { dig } from '../model/json.ts';
import type { Manifest } from '../model/manifest.ts';
import { objectKey } from '../model/object.ts';
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
  return text.split(',').flatMap((part): Dependency[] => {
    const reference = part.trim();
    const pieces = reference.split('/');
    const named = pieces.slice(1).every((piece) => piece !== '');
    if (named && pieces.length === 3) {
      const [group, kind, name] = pieces as [string, string, string];
      return [{ key: objectKey({ group, kind, name }), text: reference }];
    }
    if (named && pieces.length === 5 && pieces[1] === 'namespaces') {
      const [group, , namespace, kind, name] = pieces as [string, string, string, string, string];
      return [{ key: objectKey({ group, kind, namespace, name }), text: reference }];
    }
    const message = `${DEPENDS_ON}: can't read ${JSON.stringify(reference)}`;
    problems.push({ code: 'DependsOn', message, ...source, object: id, hint: HINT });
    return [];
  });
}

/** The number of `argocd.argoproj.io/sync-wave`; 0 where there is none. What is no integer goes to `problems`. */
export function syncWaveOf({ object, source, id }: Manifest, problems: Problem[]): number {
  const text = dig(object, 'metadata', 'annotations', SYNC_WAVE) ?? '0';
  if (/^[+-]?\d{1,9}$/.test(String(text))) return Number(text);
  const message = `${SYNC_WAVE} must be an integer, not ${JSON.stringify(text)}`;
  problems.push({ code: 'SyncWave', message, ...source, object: id });
  return 0;
}
