import type { Plugin } from 'esbuild';

/**
 * Bundles of @kubernetes/client-node what `dist/config.js` needs to speak for a kubeconfig's auth-provider, and no
 * more: not its 3 MB of models and API classes, not undici, not its proxy agents (proxies are ours, in
 * `core/kube/tunnel.ts`), not openid-client (OIDC is ours too, in `core/kube/oidc-credential.ts`).
 */
export function clientNodeSlim(): Plugin {
  return {
    name: 'client-node-slim',
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer }) => {
        if (!FROM_CLIENT_NODE.test(importer)) return undefined;
        return path in REPLACED ? { path, namespace: NAMESPACE } : undefined;
      });
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({ contents: REPLACED[path]! }));
    },
  };
}

const NAMESPACE = 'client-node-slim';
const FROM_CLIENT_NODE = /@kubernetes[\\/]client-node[\\/]dist[\\/][^\\/]+\.js$/;

/** A class that nobody makes: the code of ours that uses client-node never takes these ways. */
function unused(...names: string[]): string {
  return names
    .map(
      (name) =>
        `export class ${name} { constructor() { throw new Error('${name} is not in this bundle'); } }`,
    )
    .join('\n');
}

const REPLACED: Record<string, string> = {
  undici: unused('Agent', 'ProxyAgent'),
  hpagent: unused('HttpProxyAgent', 'HttpsProxyAgent'),
  'socks-proxy-agent': unused('SocksProxyAgent'),
  socks: unused('SocksClient'),
  // Only `makeApiClient` uses these, and the generated index would bring every model.
  './gen/index.js': `${unused('ServerConfiguration')}\nexport function createConfiguration() { throw new Error('the API client is not in this bundle'); }`,
  './middleware.js': 'export function setHeaderMiddleware() {}',
  // OIDC is ours, in `core/kube/oidc-credential.ts`.
  'openid-client':
    'export const customFetch = Symbol();\nexport const discovery = undefined, refreshTokenGrant = undefined;',
};
