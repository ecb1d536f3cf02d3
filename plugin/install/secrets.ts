import { isObject } from '../../core/model/json.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { plainManifest } from './install-objects.ts';

/** Values for a Secret by their keys. Real ones: never print them. */
export type SecretData = Readonly<Record<string, string>>;

/** The Secrets of an installation: those that are there, with what is new over it. */
export function secretManifests(
  namespace: string,
  live: readonly Manifest[],
  given: Readonly<Record<string, SecretData>>,
): Manifest[] {
  const fresh = Object.entries(given).map(([name, data]) => {
    const before = live.find(({ id }) => id.name === name)?.object;
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    const kept = isObject(before?.data) ? before.data : {};
    return plainManifest(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { ...before?.metadata, name, namespace },
        type: 'Opaque',
        data: { ...kept, ...Object.fromEntries(encoded) },
      },
      'the tokens given',
    );
  });
  return [...live.filter(({ id }) => !Object.hasOwn(given, id.name)), ...fresh];
}
