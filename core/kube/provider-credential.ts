import type { Clock } from './clock.ts';
import type { AuthProvider } from './connection.ts';
import { bearer, type Credential, type CredentialSource } from './credentials.ts';
import { problem } from './problems.ts';

/** Those that @kubernetes/client-node speaks for; kubectl itself dropped them with 1.26. */
const KNOWN = ['gcp', 'azure'];
/** client-node looks at expirations itself; asking it again this often, in ms, is cheap. */
const AGE = 10_000;

/** The auth-providers whose tokens a command prints: gcp and azure, by @kubernetes/client-node. */
export function providerCredentials({ name, config }: AuthProvider, clock: Clock): CredentialSource {
  if (!KNOWN.includes(name)) {
    throw problem(
      'AuthProviderUnknown',
      `the auth-provider ${JSON.stringify(name)} of the kubeconfig is not known`,
      `known are oidc, ${KNOWN.join(' and ')}; others are exec plugins nowadays`,
    );
  }
  // client-node keeps what it learns in the configuration itself.
  const own = { ...config };
  let held: Credential | undefined;
  let askedAt = 0;
  const ask = async (): Promise<Credential> => {
    const header = await askClientNode(name, own);
    askedAt = clock.now();
    if (held?.headers.authorization !== header.authorization) held = { headers: header };
    return held!;
  };
  return {
    current: async () => (held && clock.now() - askedAt < AGE ? held : ask()),
    renew: async (refused) => (await ask()) !== refused,
  };
}

async function askClientNode(
  name: string,
  config: Record<string, string>,
): Promise<{ authorization: string }> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromOptions({
    clusters: [{ name: 'cluster', server: 'https://unused', skipTLSVerify: false }],
    users: [{ name: 'user', authProvider: { name, config } }],
    contexts: [{ name: 'context', cluster: 'cluster', user: 'user' }],
    currentContext: 'context',
  });
  const options: { headers?: Record<string, string> } = {};
  try {
    await kubeconfig.applyToHTTPSOptions(options);
  } catch {
    // Its errors may quote what the command printed.
    throw noToken(name);
  }
  const token = /^Bearer (.+)$/.exec(options.headers?.Authorization ?? '')?.[1];
  if (!token) throw noToken(name);
  return bearer(token);
}

function noToken(name: string): Error {
  return problem(
    'AuthProviderFailed',
    `the auth-provider ${name} of the kubeconfig gives no token`,
    'log in again, or use its exec plugin',
  );
}
