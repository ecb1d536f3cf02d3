import { isIP } from 'node:net';
import { type KasAddress, parseKasAddress } from '../../core/model/kas-address.ts';
import type { Problem } from '../../core/model/problem.ts';

/** How the agent server is reached, from the command line. */
export interface KasFlags {
  address: KasAddress;
  /** Read again for each connection; absent where AGENTK_TOKEN has the token. */
  tokenFile?: string;
  /** More headers of the WebSocket's handshake. */
  headers: readonly (readonly [name: string, value: string])[];
  caFile?: string;
  serverName?: string;
  insecure: boolean;
}

// What the handshake itself says.
const OWN_HEADERS = /^(connection|upgrade|host|content-length|transfer-encoding|sec-websocket-.*)$/i;

/** Reads one `--kas-header`. Its value may be a secret: no sentence has it. */
export function parseKasHeader(text: string): readonly [string, string] | Problem {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(colon, 0)).trim();
  const value = text.slice(colon + 1).trim();
  const problem = (message: string): Problem => ({
    code: 'Usage',
    message,
    hint: 'write --kas-header="Name: value"',
  });
  if (colon < 0 || !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
    return problem('--kas-header has no name of a header');
  if (OWN_HEADERS.test(name)) return problem(`--kas-header can't set ${name}`);
  if (!/^[\x20-\x7e\t]*$/.test(value))
    return problem(`the value of --kas-header ${name} has characters that no header has`);
  return [name, value];
}

/** The name for TLS; undefined for addresses, which have none. */
export function serverNameOf({ serverName, address: { url } }: KasFlags): string | undefined {
  if (serverName !== undefined) return serverName;
  return isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0 ? url.hostname : undefined;
}

/** The names of all flags that only mean something with an agent server. */
const NAMES = [
  'token-file',
  'kas-header',
  'kas-ca-cert-file',
  'ca-cert-file',
  'kas-tls-server-name',
  'kas-insecure-skip-tls-verify',
] as const;

export interface KasFlagsInput {
  values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  /** The value of a flag; it has told of an empty one. */
  text: (
    name: 'kas-address' | Exclude<(typeof NAMES)[number], 'kas-header' | 'kas-insecure-skip-tls-verify'>,
  ) => string | undefined;
  refuse: (message: string, hint?: string) => void;
  hasTokenInEnvironment: boolean;
}

/** What flags say of an agent server; undefined without one, or where it is refused. */
export function readKasFlags({
  values,
  text,
  refuse,
  hasTokenInEnvironment,
}: KasFlagsInput): KasFlags | undefined {
  const given = text('kas-address');
  if (given === undefined) {
    const lonely = NAMES.find((name) => values[name] !== undefined);
    if (lonely) refuse(`--${lonely} has no --kas-address`, '--kas-address=wss://kas.example.com');
    return undefined;
  }
  const [tokenFile, caFile, oldCaFile] = [text('token-file'), text('kas-ca-cert-file'), text('ca-cert-file')];
  const serverName = text('kas-tls-server-name');
  const headers: (readonly [string, string])[] = [];
  for (const header of [values['kas-header'] ?? []].flat()) {
    const read = parseKasHeader(String(header));
    if ('code' in read) refuse(read.message, read.hint);
    else headers.push(read);
  }
  if (caFile !== undefined && oldCaFile !== undefined)
    refuse('--kas-ca-cert-file and --ca-cert-file exclude each other', 'leave one of them');
  if (tokenFile === undefined && !hasTokenInEnvironment)
    refuse('the agent server wants a token', '--token-file=/config/token, or AGENTK_TOKEN');
  if (tokenFile !== undefined && hasTokenInEnvironment)
    refuse('--token-file and AGENTK_TOKEN exclude each other', 'leave one of them');
  const address = parseKasAddress(given);
  if ('code' in address) {
    refuse(address.message, address.hint);
    return undefined;
  }
  const ca = caFile ?? oldCaFile;
  return {
    address,
    ...(tokenFile !== undefined && { tokenFile }),
    headers,
    ...(ca !== undefined && { caFile: ca }),
    ...(serverName !== undefined && { serverName }),
    insecure: values['kas-insecure-skip-tls-verify'] === true,
  };
}
