import { closeSync, openSync, rmSync } from 'node:fs';
import { ProblemError } from '../core/model/problem.ts';
import { saltedHash } from './access/digest.ts';
import { type RegisteredAgent, type Registry, readRegistry, writeRegistry } from './access/registry-file.ts';

export interface NewToken {
  agent: string;
  project: string;
  projects: readonly string[];
  name: string;
}

/** Randomness and time, from outside. */
export interface Means {
  random: (bytes: number) => Buffer;
  now: () => Date;
}

const TOKEN_BYTES = 38;

/**
 * Makes a token, and the agent where there is none of that name and project yet; returns the token, which is nowhere
 * else then. Throws ProblemError.
 */
export function createToken(file: string, wanted: NewToken, { random, now }: Means): string {
  return changing(file, (registry) => {
    const known = registry ?? { salt: random(16).toString('base64url'), agents: [] };
    const token = `glagent-${random(TOKEN_BYTES).toString('base64url')}`;
    const agent = agentOf(known, wanted);
    agent.projects = [...new Set([...agent.projects, ...wanted.projects])];
    agent.tokens.push({
      id: nextId(known.agents.flatMap(({ tokens }) => tokens)),
      name: wanted.name,
      hash: saltedHash(known.salt, token),
      createdAt: now().toISOString(),
    });
    return [known, token];
  });
}

/** Revokes a token by its number. Throws ProblemError where there is none. */
export function revokeToken(file: string, id: number, { now }: Means): void {
  changing(file, (registry) => {
    const token = registry?.agents.flatMap(({ tokens }) => tokens).find((candidate) => candidate.id === id);
    if (!registry || !token)
      throw new ProblemError({
        code: 'NoToken',
        message: `there is no token ${id}`,
        file,
        hint: 'gitlab-agent-server token list shows them',
      });
    token.revokedAt ??= now().toISOString();
    return [registry, undefined];
  });
}

/** A table of all tokens, with a line feed at the end of each line. */
export function listTokens(file: string): string {
  const registry = readRegistry(file);
  if (!registry) throw new ProblemError({ code: 'Registry', message: 'there is no such registry', file });
  const rows = registry.agents.flatMap(({ name, project, tokens }) =>
    tokens.map((token) => [
      String(token.id),
      name,
      project,
      token.name,
      token.createdAt,
      token.revokedAt === undefined ? 'active' : `revoked ${token.revokedAt}`,
    ]),
  );
  const table = [['ID', 'AGENT', 'PROJECT', 'NAME', 'CREATED', 'STATUS'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function agentOf({ agents }: Registry, { agent: name, project }: NewToken): RegisteredAgent {
  const known = agents.find((agent) => agent.name === name && agent.project === project);
  if (known) return known;
  const agent: RegisteredAgent = { id: nextId(agents), name, project, projects: [], tokens: [] };
  agents.push(agent);
  return agent;
}

function nextId(items: readonly { id: number }[]): number {
  return Math.max(0, ...items.map(({ id }) => id)) + 1;
}

/** Reads, changes and writes; two at once would lose what one of them wrote. */
function changing<T>(file: string, change: (registry: Registry | undefined) => [Registry, T]): T {
  const lock = `${file}.lock`;
  try {
    closeSync(openSync(lock, 'wx', 0o600));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message =
      code === 'EEXIST' ? 'another command changes the registry' : `the registry can't be changed: ${code}`;
    const hint = code === 'EEXIST' ? `where none runs any more, remove ${lock}` : undefined;
    throw new ProblemError({ code: 'Registry', message, file, ...(hint && { hint }) });
  }
  try {
    const [registry, result] = change(readRegistry(file));
    writeRegistry(file, registry);
    return result;
  } finally {
    rmSync(lock, { force: true });
  }
}
