import type { Problem } from './problem.ts';

/** Where an agent server is. */
export interface KasAddress {
  kind: 'grpc' | 'websocket';
  secure: boolean;
  /** As it was given: for sentences. */
  text: string;
  /** With a scheme of HTTP, for whoever connects. */
  url: URL;
}

const SCHEMES: Record<string, Pick<KasAddress, 'kind' | 'secure'>> = {
  'grpc:': { kind: 'grpc', secure: false },
  'grpcs:': { kind: 'grpc', secure: true },
  'ws:': { kind: 'websocket', secure: false },
  'wss:': { kind: 'websocket', secure: true },
};

const EXAMPLE = 'write grpcs://kas.example.com:443 or wss://kas.example.com';

/** Reads the address of an agent server, which `flag` said. For gRPC it has a port and no path; for WebSockets it is a URL. */
export function parseKasAddress(text: string, flag = '--kas-address'): KasAddress | Problem {
  const problem = (message: string, hint = EXAMPLE): Problem => ({ code: 'Usage', message, hint });
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:)\/\/(.*)$/is.exec(text) ?? [];
  const known = Object.hasOwn(SCHEMES, scheme.toLowerCase()) ? SCHEMES[scheme.toLowerCase()] : undefined;
  if (!known)
    return problem(
      `unsupported scheme in GitLab Kubernetes Agent Server address: ${JSON.stringify(scheme.slice(0, -1))}`,
      'it is one of grpc, grpcs, ws, wss',
    );
  // A scheme that the URL parser knows: with others it leaves hosts and ports as they are.
  const url = URL.parse(`${known.secure ? 'https' : 'http'}://${rest}`);
  if (!url?.hostname) return problem(`${flag} is no URL`);
  if (url.username || url.password)
    return problem(`${flag} holds a user name or password`, 'the token is in --token-file');
  if (url.hash) return problem(`${flag} has a fragment`);
  if (known.kind === 'grpc') {
    if (!/:\d+\/?$/.test(rest)) return problem(`${flag} has no port`);
    if (url.pathname !== '/' || url.search) return problem(`${flag} has a path, which gRPC has not`);
  }
  return { ...known, text: text.replace(/\?.*$/s, ''), url };
}
