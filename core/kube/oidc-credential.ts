import { readFileSync } from 'node:fs';
import { isObject, type Json } from '../model/json.ts';
import type { AuthProvider, Connection } from './connection.ts';
import { connectionFailure } from './connection-failure.ts';
import { bearer, type Credential, type CredentialSource } from './credentials.ts';
import { openEndpoint } from './endpoint.ts';
import { problem } from './problems.ts';
import { environmentProxy } from './proxy-choice.ts';
import { exchange, type WireReply } from './wire.ts';

/** In ms: a token that ends sooner is renewed now, as client-go does. */
const LEEWAY = 10_000;
const LIMITS = { timeout: 30_000, maxBytes: 2 ** 20 };

/**
 * OpenID Connect as kubectl's `oidc` auth-provider has it (client-go `plugin/pkg/client/auth/oidc`): the ID token
 * while it lasts, else a new one for the refresh token, written back to the kubeconfig, because many identity
 * providers take a refresh token only once. Our own, because @kubernetes/client-node 2.0 hands openid-client a
 * string where that takes a URL only, and leaves out the client secret.
 */
export function oidcCredentials(
  { config, environment, origin }: AuthProvider,
  signal: AbortSignal,
  now: () => number = Date.now,
): CredentialSource {
  let own = { ...config };
  let held: { credential: Credential; expires: number } | undefined = fromToken(own['id-token']);
  let running: Promise<Credential> | undefined;
  const refresh = async (): Promise<Credential> => {
    const tokens = await askForTokens(own, environment, signal);
    own = { ...own, ...tokens };
    held = fromToken(tokens['id-token']);
    if (!held) throw failed('gives an ID token that is none');
    if (origin) await save(origin, tokens);
    return held.credential;
  };
  const once = (): Promise<Credential> => {
    running ??= refresh().finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    current: async () => (held && !running && held.expires - LEEWAY > now() ? held.credential : once()),
    renew: async (refused) => {
      if (held && held.credential !== refused) return true;
      return own['refresh-token'] ? (await once()) !== refused : false;
    },
  };
}

async function save(
  origin: NonNullable<AuthProvider['origin']>,
  tokens: Record<string, string>,
): Promise<void> {
  const { saveProviderConfig } = await import('./kubeconfig-write.ts');
  saveProviderConfig(origin, tokens);
}

/** The token as a credential with its end, in ms; undefined where it is no JSON Web Token. */
function fromToken(token: string | undefined): { credential: Credential; expires: number } | undefined {
  const payload = token?.split('.')[1];
  if (!token || !payload) return undefined;
  const claims = parse(Buffer.from(payload, 'base64url').toString());
  const expires = isObject(claims) ? Number(claims.exp) : Number.NaN;
  return Number.isFinite(expires)
    ? { credential: { headers: bearer(token) }, expires: expires * 1000 }
    : undefined;
}

async function askForTokens(
  config: Readonly<Record<string, string>>,
  environment: AuthProvider['environment'],
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const { 'refresh-token': refreshToken, 'idp-issuer-url': issuer } = config;
  if (!refreshToken || !issuer) {
    throw problem(
      'LoginExpired',
      'the OIDC login of the kubeconfig has expired and can not be renewed',
      'log in again',
    );
  }
  const ca = authorityOf(config);
  const ask = (url: string, body?: URLSearchParams, headers: Record<string, string> = {}) =>
    fetchOnce(url, { ca, environment, signal, body, headers });
  const metadata = await ask(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const endpoint = jsonOf(metadata).token_endpoint;
  if (metadata.status !== 200 || typeof endpoint !== 'string')
    throw failed('does not say where its tokens are');

  const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
  const [id, secret] = [config['client-id'] ?? '', config['client-secret'] ?? ''];
  const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64');
  // Some take the client in a header, some in the form only: golang.org/x/oauth2 tries both in this order too.
  let answer = await ask(endpoint, new URLSearchParams(grant), { authorization: `Basic ${basic}` });
  if (answer.status !== 200) {
    const client = { client_id: id, ...(secret ? { client_secret: secret } : {}) };
    answer = await ask(endpoint, new URLSearchParams({ ...grant, ...client }));
  }
  const tokens = jsonOf(answer);
  if (answer.status !== 200) throw refused(answer.status, tokens.error);
  if (typeof tokens.id_token !== 'string') throw failed('gives no ID token when it renews a login');
  const renewed =
    typeof tokens.refresh_token === 'string' && tokens.refresh_token !== ''
      ? tokens.refresh_token
      : refreshToken;
  return { 'id-token': tokens.id_token, 'refresh-token': renewed };
}

async function fetchOnce(
  url: string,
  options: {
    ca: Buffer | undefined;
    environment: AuthProvider['environment'];
    signal: AbortSignal;
    body: URLSearchParams | undefined;
    headers: Record<string, string>;
  },
): Promise<WireReply> {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (!address || !/^https?:$/.test(address.protocol)) throw failed('has an address that is no URL');
  const proxy = environmentProxy(options.environment, address);
  const connection: Pick<Connection, 'server' | 'tls' | 'proxy'> = {
    server: address.origin,
    tls: { insecure: false, ...(options.ca ? { ca: options.ca } : {}) },
    ...(proxy ? { proxy } : {}),
  };
  const endpoint = openEndpoint(connection, undefined, 1);
  const stop = (): void => endpoint.close();
  options.signal.addEventListener('abort', stop, { once: true });
  const form: Record<string, string> = options.body
    ? { 'content-type': 'application/x-www-form-urlencoded' }
    : {};
  const request = {
    method: options.body ? 'POST' : 'GET',
    path: address.pathname + address.search,
    headers: { accept: 'application/json', ...form, ...options.headers },
    ...(options.body ? { body: Buffer.from(options.body.toString()) } : {}),
  };
  try {
    return await exchange(endpoint, request, LIMITS, new Set());
  } catch (error) {
    options.signal.throwIfAborted();
    throw problem(
      'LoginFailed',
      `the OIDC login can't be renewed: ${connectionFailure(error, address.origin).message}`,
    );
  } finally {
    options.signal.removeEventListener('abort', stop);
    endpoint.close();
  }
}

function authorityOf(config: Readonly<Record<string, string>>): Buffer | undefined {
  const { 'idp-certificate-authority-data': data, 'idp-certificate-authority': file } = config;
  if (data) return Buffer.from(data, 'base64');
  if (!file) return undefined;
  try {
    return readFileSync(file);
  } catch {
    throw problem(
      'CertificateUnreadable',
      `the identity provider's certificate authority can't be read from ${file}`,
    );
  }
}

function jsonOf({ body }: WireReply): Record<string, Json> {
  return 'json' in body && isObject(body.json) ? body.json : {};
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function failed(how: string): Error {
  return problem(
    'LoginFailed',
    `the OIDC login can't be renewed: the identity provider ${how}`,
    'log in again',
  );
}

/** An error code of OAuth is a word; anything else an identity provider says stays out. */
function refused(status: number, error: Json | undefined): Error {
  const word = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : String(status);
  return failed(`refuses the refresh token (${word})`);
}
