import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { checkDnsLabel, checkProject } from '../../core/config/checks.ts';
import { ConfigDocument, decodeConfig } from '../../core/config/document.ts';
import { map } from '../../core/config/map.ts';
import { list, type TextFault, text } from '../../core/config/types.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { count } from '../configuration/types.ts';

/** A token, of which only the hash is known. Times are ISO 8601. */
export interface RegisteredToken {
  id: number;
  name: string;
  hash: string;
  createdAt: string;
  revokedAt?: string;
}

export interface RegisteredAgent {
  id: number;
  name: string;
  /** Full path of the configuration project. */
  project: string;
  /** What else it may read: full paths, and groups as `group/**`. */
  projects: string[];
  tokens: RegisteredToken[];
}

export interface Registry {
  /** base64url */
  salt: string;
  agents: RegisteredAgent[];
}

const MAX_BYTES = 16 * 1024 * 1024;

const base64url = (bytes: number) =>
  text({
    check: (found): TextFault | undefined =>
      /^[\w-]+$/.test(found) && Buffer.from(found, 'base64url').length === bytes
        ? undefined
        : { message: `is not ${bytes} bytes in base64url` },
  });

/** A project's full path, or all projects of a group: `group/**`. */
export function checkProjects(found: string): TextFault | undefined {
  const fault = found.endsWith('/**') ? checkProject(`${found.slice(0, -3)}/x`) : checkProject(found);
  return fault || /^\d+$/.test(found)
    ? {
        message: 'is neither a project nor a group',
        hint: 'write group/project, or group/** for all of a group',
      }
    : undefined;
}

const TIME = text({
  check: (found) => (Number.isNaN(Date.parse(found)) ? { message: 'is no time' } : undefined),
});

const FILE = map({
  salt: { type: base64url(16), required: true, doc: '' },
  agents: {
    type: list(
      map({
        id: { type: count(), required: true, doc: '' },
        name: { type: text({ check: checkDnsLabel }), required: true, doc: '' },
        project: { type: text({ check: checkProject }), required: true, doc: '' },
        projects: { type: list(text({ check: checkProjects })), default: [], doc: '' },
        tokens: {
          type: list(
            map({
              id: { type: count(), required: true, doc: '' },
              name: { type: text(), required: true, doc: '' },
              hash: { type: base64url(32), required: true, doc: '' },
              created_at: { type: TIME, required: true, doc: '' },
              revoked_at: { type: TIME, doc: '' },
            }),
          ),
          default: [],
          doc: '',
        },
      }),
    ),
    default: [],
    doc: '',
  },
});

/** Reads a registry. Throws ProblemError with all that is wrong, each with its place. */
export function parseRegistry(bytes: Uint8Array, file: string): Registry {
  const decoded = decodeConfig(bytes, file, MAX_BYTES);
  if (!('text' in decoded)) throw new ProblemError(decoded);
  const document = new ConfigDocument(decoded.text, file);
  const values = document.read((root) => FILE.read(root, 'the registry', document));
  if (!values || document.problems.length > 0) throw new ProblemError(...document.problems);
  const agents = values.agents.value.map(({ value }) => ({
    id: value.id.value,
    name: value.name.value,
    project: value.project.value,
    projects: value.projects.value.map((item) => item.value),
    tokens: value.tokens.value.map((token) => ({
      id: token.value.id.value,
      name: token.value.name.value,
      hash: token.value.hash.value,
      createdAt: token.value.created_at.value,
      ...(token.value.revoked_at && { revokedAt: token.value.revoked_at.value }),
    })),
  }));
  const ids = new Set<number>();
  for (const [index, { id }] of agents.entries()) {
    if (ids.has(id)) document.report(values.agents.value[index]!.at, `there are two agents ${id}`);
    ids.add(id);
  }
  if (document.problems.length > 0) throw new ProblemError(...document.problems);
  return { salt: values.salt.value, agents };
}

/** Undefined where there is no such file. Throws ProblemError. */
export function readRegistry(file: string): Registry | undefined {
  try {
    return parseRegistry(readFileSync(file), file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof ProblemError) throw error;
    if (code === 'ENOENT') return undefined;
    throw new ProblemError({ code: 'Registry', message: `the registry can't be read: ${code}`, file });
  }
}

/** Puts a registry into the place of the file, whole or not at all. */
export function writeRegistry(file: string, { salt, agents }: Registry): void {
  const fresh = `${file}.${process.pid}.new`;
  const lines = [
    '# Written by gitlab-agent-server token. It holds hashes, and no token.',
    `salt: ${JSON.stringify(salt)}`,
    'agents:',
    ...agents.flatMap(({ id, name, project, projects, tokens }) => [
      `- id: ${id}`,
      `  name: ${JSON.stringify(name)}`,
      `  project: ${JSON.stringify(project)}`,
      ...(projects.length > 0 ? [`  projects: ${JSON.stringify(projects)}`] : []),
      '  tokens:',
      ...tokens.flatMap((token) => [
        `  - id: ${token.id}`,
        `    name: ${JSON.stringify(token.name)}`,
        `    hash: ${JSON.stringify(token.hash)}`,
        `    created_at: ${JSON.stringify(token.createdAt)}`,
        ...(token.revokedAt === undefined ? [] : [`    revoked_at: ${JSON.stringify(token.revokedAt)}`]),
      ]),
    ]),
  ];
  try {
    writeFileSync(fresh, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw new ProblemError({ code: 'Registry', message: `the registry can't be written: ${code}`, file });
  }
}
