import { BlockList, isIP, isIPv6 } from 'node:net';
import { type Environment, problem } from './problems.ts';

const PROXY_SCHEMES = ['http:', 'https:', 'socks5:', 'socks5h:'];

/** A cluster's `proxy-url`. Throws ProblemError, without the URL, which may hold a password. */
export function parseProxy(text: string, clusterName: string | undefined): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && PROXY_SCHEMES.includes(url.protocol) && url.hostname) return url;
  const whose = clusterName ? ` of the cluster "${clusterName}"` : '';
  throw problem(
    'ProxyInvalid',
    `the proxy-url${whose} is not a URL`,
    'it starts with http://, https:// or socks5://',
  );
}

/**
 * The proxy that the environment names for a server, by Go's rules (golang.org/x/net/http/httpproxy): HTTPS_PROXY
 * or HTTP_PROXY by the server's scheme, upper case first; NO_PROXY; never for localhost and loopback addresses.
 */
export function environmentProxy(env: Environment, server: URL): URL | undefined {
  const secure = server.protocol === 'https:';
  // In a CGI program HTTP_PROXY may come from a request's header (httpoxy).
  if (!secure && env.REQUEST_METHOD) return undefined;
  const named = secure ? env.HTTPS_PROXY || env.https_proxy : env.HTTP_PROXY || env.http_proxy;
  if (!named) return undefined;
  const port = server.port || (secure ? '443' : '80');
  if (!usesProxy(bareHost(server.hostname), port, env.NO_PROXY || env.no_proxy || '')) return undefined;
  const url = withScheme(named);
  if (url && PROXY_SCHEMES.includes(url.protocol)) return url;
  const variable = secure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  throw problem(
    'ProxyInvalid',
    `${variable} is not the URL of a proxy`,
    'it starts with http://, https:// or socks5://',
  );
}

function withScheme(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.hostname) return url;
  const guess = `http://${text}`;
  return URL.canParse(guess) ? new URL(guess) : undefined;
}

/** Whether a request to `host:port` goes through the proxy. `host` is lower case; IPv6 without brackets. */
function usesProxy(host: string, port: string, noProxy: string): boolean {
  if (isLoopback(host)) return false;
  const entries = noProxy.split(',').map((entry) => entry.trim().toLowerCase());
  return !entries.some((entry) => entry !== '' && exempts(entry, host, port));
}

function exempts(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const range = /^(.+)\/(\d+)$/.exec(entry);
  if (range && isIP(range[1]!)) return isIP(host) !== 0 && inRange(host, range[1]!, Number(range[2]));
  const split = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(entry);
  const name = split ? (split[1] ?? split[2])! : entry;
  if (name === '' || (split && split[3] !== port)) return false;
  if (isIP(name)) return isIP(host) !== 0 && inRange(host, name, isIPv6(name) ? 128 : 32);
  if (isIP(host)) return false;
  const domain = name.startsWith('*.') ? name.slice(1) : name;
  // `foo.com` is itself and everything below it; `.foo.com` only what is below.
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function inRange(host: string, network: string, bits: number): boolean {
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  if (bits > (family === 'ipv6' ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

/** Whether a host as URLs spell it (lower case, IPv6 without brackets and shortened) is this machine itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d+){3}$/.test(host);
}

/** The host of a URL without the brackets of an IPv6 address. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
