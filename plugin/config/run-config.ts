import { parseAgentConfig, type ReadConfig } from '../../core/config/agent-config.ts';
import { join } from '../../core/manifest/selection.ts';
import { workTree } from '../../core/manifest/work-tree.ts';
import type { FileTree } from '../../core/model/file-tree.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { escapeUnsafe, oneLine } from '../../core/report/escape.ts';
import { yamlText } from '../../core/report/yaml.ts';
import type { ConfigFlags } from '../commands/config.ts';
import type { Io } from '../io.ts';

/** More than any configuration may have: the reader itself says so. */
export const MAX_BYTES = 1024 * 1024;

// Stand in for what was not said. Nobody's names (RFC 2606): no entry means them.
export const SOME_PROJECT = 'project.invalid/configuration';
export const SOME_GITLAB = 'https://gitlab.invalid';

/** Runs `config validate` and returns its exit code. Throws ProblemError with all that is wrong. */
export async function validateConfig(flags: ConfigFlags, io: Io): Promise<number> {
  const tree = workTree(io.cwd);
  const problems: Problem[] = [];
  for (const file of await findFiles(tree, fileOf(flags, 'validate'))) {
    const { config, problems: found, notices } = await readConfig(tree, file, flags, io);
    problems.push(...found);
    say(notices, io);
    if (!config) continue;
    const count = config.entries.length;
    io.out(`${escapeUnsafe(file)}: ok, ${count} ${count === 1 ? 'manifest project' : 'manifest projects'}\n`);
  }
  if (problems.length > 0) throw new ProblemError(...problems);
  return 0;
}

/** Runs `config show` and returns its exit code. Throws ProblemError with all that is wrong. */
export async function showConfig(flags: ConfigFlags & { output: 'yaml' | 'json' }, io: Io): Promise<number> {
  const { config, problems, notices, effective, problemAt } = await readConfig(
    workTree(io.cwd),
    fileOf(flags, 'show'),
    flags,
    io,
  );
  say(notices, io);
  for (const { name, repository } of config?.entries ?? []) {
    if (!('project' in repository) || repository.project !== SOME_PROJECT) continue;
    const message = 'this entry means the project that holds the file, and that is not known here';
    problems.push(problemAt(name, undefined, message, 'name it: --config-project GROUP/PROJECT'));
  }
  if (problems.length > 0) throw new ProblemError(...problems);
  io.out(flags.output === 'json' ? `${JSON.stringify(effective, null, 2)}\n` : yamlText(effective!, 'given'));
  return 0;
}

/** The file that is named. Throws ProblemError where none is. */
export function fileOf({ file }: ConfigFlags, command: string): string {
  if (file) return file;
  const hint = `kubectl gitlab-agent config ${command} FILE, or - for standard input`;
  throw new ProblemError({ code: 'Usage', message: 'say which file', hint });
}

async function readConfig(tree: FileTree, file: string, flags: ConfigFlags, io: Io): Promise<ReadConfig> {
  const bytes = file === '-' ? await io.stdin() : await tree.read(file, MAX_BYTES);
  return parseAgentConfig(bytes, {
    file,
    configProject: flags.configProject ?? SOME_PROJECT,
    gitlabUrl: flags.gitlabUrl ?? SOME_GITLAB,
  });
}

/** A file itself; of a directory, the configurations of the agents in it. */
async function findFiles(tree: FileTree, path: string): Promise<string[]> {
  if (path === '-' || (await tree.real(path))?.kind !== 'directory') return [path];
  const candidates = [path];
  for (const parent of [path, join(path, '.gitlab/agents')]) {
    if ((await tree.real(parent))?.kind !== 'directory') continue;
    if (!/(^|\/)agents\/*$/.test(parent)) continue;
    for (const { name } of await tree.list(parent)) candidates.push(join(parent, name));
  }
  const files: string[] = [];
  const problems: Problem[] = [];
  for (const directory of candidates) {
    const file = join(directory, 'config.yaml');
    const misnamed = join(directory, 'config.yml');
    if ((await tree.real(file))?.kind === 'file') files.push(file);
    else if ((await tree.real(misnamed))?.kind === 'file')
      problems.push({
        code: 'Config',
        message: 'agents do not read this file',
        file: misnamed,
        hint: 'call it config.yaml',
      });
  }
  if (problems.length > 0) throw new ProblemError(...problems);
  if (files.length > 0) return files;
  const hint = 'it is .gitlab/agents/<agent name>/config.yaml in the configuration project';
  throw new ProblemError({
    code: 'NotFound',
    message: 'there is no configuration of an agent',
    file: path,
    hint,
  });
}

function say(notices: readonly string[], io: Io): void {
  for (const notice of notices) io.err(`notice: ${oneLine(notice)}\n`);
}
