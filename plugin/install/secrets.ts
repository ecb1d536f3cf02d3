import { isObject, type JsonObject } from '../../core/model/json.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { plainManifest } from './install-objects.ts';
import type { LiveInstall } from './live-install.ts';
import { type InstallSettings, SECRETS } from './settings.ts';

/** Values for a Secret by their keys. Real ones: never print them. */
export type SecretData = Readonly<Record<string, string>>;

/** The Secrets of an installation: those that are there, with what is new over it. */
function secretManifests(
  namespace: string,
  live: readonly Manifest[],
  given: Readonly<Record<string, SecretData>>,
): Manifest[] {
  const fresh = Object.entries(given).map(([name, data]) => {
    const before = live.find(({ id }) => id.name === name)?.object;
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    const kept = isObject(before?.data) ? before.data : {};
    // Annotations tell of the value that was there.
    const { annotations: _told, ...metadata } = (before?.metadata ?? {}) as JsonObject;
    return plainManifest(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { ...metadata, name, namespace },
        type: 'Opaque',
        data: { ...kept, ...Object.fromEntries(encoded) },
      },
      'the tokens given',
    );
  });
  return [...live.filter(({ id }) => !Object.hasOwn(given, id.name)), ...fresh];
}

/**
 * The Secrets that these settings mean. An agent of a server has no Git credential: one that is there goes. `needed`: its
 * token has to be there or given. Throws ProblemError.
 */
export function secretsFor(
  { namespace, agentName, kas }: Pick<InstallSettings, 'namespace' | 'agentName' | 'kas'>,
  { secrets, foreign }: Pick<LiveInstall, 'secrets' | 'foreign'>,
  given: Readonly<Record<string, SecretData>>,
  needed: boolean,
): Manifest[] {
  if (!kas) {
    const { [SECRETS.agent]: _other, ...own } = given;
    return secretManifests(namespace, secrets, own);
  }
  const { [SECRETS.git]: _git, ...own } = given;
  const live = secrets.filter(({ id }) => id.name !== SECRETS.git);
  if (needed && !hasAgentToken({ secrets, foreign }, given))
    throw new ProblemError({
      code: 'Token',
      message: `the agent has no token for ${kas.address}`,
      hint: `--token-file FILE (or - for stdin) with one of gitlab-agent-server token create; or kubectl gitlab-agent register ${agentName}, which asks GitLab for one`,
    });
  return secretManifests(namespace, live, own);
}

/** Whether there is a token for an agent server, whoever put it there, or one is given. */
export function hasAgentToken(
  { secrets, foreign }: Pick<LiveInstall, 'secrets' | 'foreign'>,
  given: Readonly<Record<string, SecretData>>,
): boolean {
  return (
    given[SECRETS.agent] !== undefined ||
    foreign.includes(SECRETS.agent) ||
    secrets.some(({ id }) => id.name === SECRETS.agent)
  );
}
