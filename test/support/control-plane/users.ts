import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Access } from './api.ts';

export interface Identity {
  name: string;
  groups: string[];
}

/** Somebody whom the API server knows by a token, with a kubeconfig file (mode 0600) of their own. */
export interface User extends Identity {
  token: string;
  kubeconfig: string;
}

const MASTERS = ['system:masters'];

/** The components by their real names, so that an audit log can leave their requests out. */
export const COMPONENT_USERS = {
  'kube-controller-manager': 'system:kube-controller-manager',
  'kube-scheduler': 'system:kube-scheduler',
  kwok: 'kwok',
} as const;

/** `admin` may do everything; `user-1` to `user-8` nothing, until a test grants them something. */
const PREPARED: Identity[] = [
  { name: 'admin', groups: MASTERS },
  ...Array.from({ length: 8 }, (_, index) => ({ name: `user-${index + 1}`, groups: [] })),
  ...Object.values(COMPONENT_USERS).map((name) => ({ name, groups: MASTERS })),
];

/** Writes the API server's token file. It reads it at start only, so that all users have to be known by then. */
export function writeUsers(
  dir: string,
  more: readonly Identity[],
): { users: Record<string, User>; tokenFile: string } {
  const users: Record<string, User> = {};
  for (const { name, groups } of [...PREPARED, ...more]) {
    const kubeconfig = join(dir, `${name.replaceAll(/[^\w.-]/g, '-')}.kubeconfig`);
    users[name] = { name, groups, token: randomBytes(16).toString('hex'), kubeconfig };
  }
  const tokenFile = join(dir, 'tokens.csv');
  const lines = Object.values(users).map(
    ({ name, groups, token }) => `${token},${name},${name},"${groups.join()}"\n`,
  );
  writeFileSync(tokenFile, lines.join(''), { mode: 0o600 });
  return { users, tokenFile };
}

/** Writes a kubeconfig with one context. It holds the certificates and the token: it works from anywhere. */
export function writeKubeconfig(file: string, access: Access, name: string): void {
  const text = `apiVersion: v1
kind: Config
clusters:
- name: control-plane
  cluster:
    server: ${access.url}
    certificate-authority-data: ${Buffer.from(access.ca).toString('base64')}
users:
- name: ${JSON.stringify(name)}
  user:
    token: ${access.token}
contexts:
- name: control-plane
  context:
    cluster: control-plane
    user: ${JSON.stringify(name)}
current-context: control-plane
`;
  writeFileSync(file, text, { mode: 0o600 });
}

/** The kubeconfig files of all users, once the server has made its certificate. */
export function writeKubeconfigs(users: Record<string, User>, url: string, caFile: string): void {
  const ca = readFileSync(caFile, 'utf8');
  for (const { name, token, kubeconfig } of Object.values(users)) {
    writeKubeconfig(kubeconfig, { url, ca, token }, name);
  }
}
