import { statSync } from 'node:fs';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { ProblemError, placeOf } from '../../core/model/problem.ts';
import { saltedHash } from './digest.ts';
import type { AgentAccess, AgentIdentity, Directory, ProjectIdentity } from './directory.ts';
import { type RegisteredAgent, type Registry, readRegistry } from './registry-file.ts';

/** How often the file is looked at, at most, in ms. */
const LOOK_EVERY = 2_000;

/** Registry mode: a file says which agents there are. It is read again when it changes. */
export class RegistryDirectory implements Directory {
  readonly #file: string;
  readonly #log: Log;
  readonly #now: () => number;
  #lookedAt: number;
  #stamp: string;
  #registry: Registry;
  #agents: ReadonlyMap<string, RegisteredAgent>;

  /** Throws ProblemError where the file can't be read. */
  constructor(file: string, log: Log, now: () => number) {
    this.#file = file;
    this.#log = log;
    this.#now = now;
    this.#lookedAt = now();
    this.#stamp = stampOf(file);
    const registry = readRegistry(file);
    if (!registry) {
      const hint = 'gitlab-agent-server token create writes it';
      throw new ProblemError({ code: 'Registry', message: 'there is no such registry', file, hint });
    }
    this.#registry = registry;
    this.#agents = byHash(registry);
  }

  async admit(token: string): Promise<AgentAccess> {
    let [salt, hash] = ['', ''];
    const known = (): RegisteredAgent | undefined => {
      const { salt: now } = this.#registry;
      if (salt !== now) [salt, hash] = [now, saltedHash(now, token)];
      return this.#agents.get(hash);
    };
    const find = (): RegisteredAgent => {
      this.#look(LOOK_EVERY);
      let found = known();
      // It may have been made just now.
      if (!found && this.#look(0)) found = known();
      if (!found) throw new ConnectError('unauthenticated', Code.Unauthenticated);
      return found;
    };
    return {
      agent: identityOf(find()),
      check: async () => void find(),
      project: async (path) => readable(find(), path),
    };
  }

  /** The agent that has this number. */
  agent(id: bigint): AgentIdentity | undefined {
    const find = () => this.#registry.agents.find((agent) => BigInt(agent.id) === id);
    this.#look(LOOK_EVERY);
    let found = find();
    // It may have been made just now.
    if (!found && this.#look(0)) found = find();
    return found && identityOf(found);
  }

  isKnown(token: string): boolean {
    return this.#agents.has(saltedHash(this.#registry.salt, token));
  }

  /** Whether there was something new. A file that is broken, or gone for a moment, changes nothing. */
  #look(every: number): boolean {
    const now = this.#now();
    if (now - this.#lookedAt < every) return false;
    this.#lookedAt = now;
    const stamp = stampOf(this.#file);
    if (stamp === this.#stamp || stamp === '') return false;
    this.#stamp = stamp;
    try {
      const registry = readRegistry(this.#file);
      if (!registry) return false;
      this.#registry = registry;
      this.#agents = byHash(registry);
      this.#log.info('The registry was read again', { agents: registry.agents.length });
      return true;
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      for (const problem of error.problems)
        this.#log.error('The registry is broken, the last good one stays in force', {
          error: `${placeOf(problem)}: ${problem.message}`,
        });
      return false;
    }
  }
}

/** Follows the links of a mounted Secret. */
function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : '';
}

function byHash({ agents }: Registry): Map<string, RegisteredAgent> {
  return new Map(
    agents.flatMap((agent) =>
      agent.tokens
        .filter(({ revokedAt }) => revokedAt === undefined)
        .map(({ hash }): [string, RegisteredAgent] => [hash, agent]),
    ),
  );
}

function identityOf({ id, name, project }: RegisteredAgent): AgentIdentity {
  return { id: BigInt(id), name, project: { id: 0n, path: project } };
}

/** Paths in GitLab are the same whatever their case. */
function readable({ project, projects }: RegisteredAgent, wanted: string): ProjectIdentity {
  const path = wanted.toLowerCase();
  const may = [project, ...projects].some((allowed) => {
    const lower = allowed.toLowerCase();
    return lower.endsWith('/**') ? path.startsWith(lower.slice(0, -2)) : path === lower;
  });
  if (may) return { id: 0n, path: wanted };
  const known = /^\d+$/.test(wanted)
    ? 'is named by its number, and the registry knows paths only'
    : "is not among this agent's projects";
  throw new ConnectError(`project ${JSON.stringify(wanted)} ${known}`, Code.NotFound);
}
