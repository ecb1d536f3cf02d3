import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Access } from './api.ts';
import type { User } from './users.ts';

/** How to reach a control plane: plain data that can go through a file to other processes. */
export interface Endpoint {
  url: string;
  caFile: string;
  /** The administrator's. */
  kubeconfig: string;
  token: string;
  users: Record<string, User>;
  /** The throwaway directory; logs of the components are in it. */
  dir: string;
  auditLog?: string;
}

/** The access of a user of a control plane; the administrator's where no name is given. */
export function accessOf(endpoint: Endpoint, user = 'admin'): Access {
  const found = endpoint.users[user];
  if (!found)
    throw new Error(
      `the control plane has no user ${user}; it has ${Object.keys(endpoint.users).join(', ')}`,
    );
  return { url: endpoint.url, ca: readFileSync(endpoint.caFile, 'utf8'), token: found.token };
}

/** Writes the file that TEST_CONTROL_PLANE names to tests, and returns its path. It goes with the control plane. */
export function saveEndpoint(endpoint: Endpoint): string {
  const { url, caFile, kubeconfig, token, users, dir, auditLog } = endpoint;
  const file = join(dir, 'endpoint.json');
  const data = { url, caFile, kubeconfig, token, users, dir, auditLog } satisfies Endpoint;
  writeFileSync(file, JSON.stringify(data, null, 2), { mode: 0o600 });
  return file;
}

/** Reads what `saveEndpoint` wrote; undefined where there is no such file, or no longer. */
export function loadEndpoint(file: string | undefined): Endpoint | undefined {
  if (!file) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Endpoint;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
