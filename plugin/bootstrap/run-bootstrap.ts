import { openAgents } from '../../core/gitlab/agents.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { openProjects } from '../../core/gitlab/projects.ts';
import type { BootstrapFlags } from '../commands/bootstrap.ts';
import { gitlabAccess, gitlabProblem } from '../gitlab/access.ts';
import { checkedName } from '../gitlab/agent-name.ts';
import { configuredManifests } from '../install/configured-manifests.ts';
import { withDesk } from '../install/desk.ts';
import { checkSecretFlags, givenSecrets } from '../install/given-secrets.ts';
import { type LiveInstall, readInstall } from '../install/live-install.ts';
import { readSettings, withGitLab } from '../install/read-settings.ts';
import { install, manifestsOf, withRules } from '../install/run-install.ts';
import { type SecretData, secretsFor } from '../install/secrets.ts';
import { SECRETS, USUAL_NAMESPACE } from '../install/settings.ts';
import type { Io } from '../io.ts';
import { Tokens } from '../read-token.ts';
import { findOrCreate, registerAgent } from '../register/run-register.ts';
import { runWait } from '../wait/run-wait.ts';
import { readTimeout } from '../wait-flags.ts';
import { checkReadable, getsTokenOfGitLab, withAgentServer } from './agent-server.ts';
import { configurationFile } from './configuration-file.ts';
import { projectsToRead, readingTokens } from './reading-tokens.ts';

/** Runs `bootstrap` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runBootstrap(given: BootstrapFlags, io: Io): Promise<number> {
  const flags = withAgentServer(given);
  const timeout = readTimeout(flags.timeout);
  const agentName = checkedName(flags.agent, 'bootstrap');
  const namespace = flags.namespace || USUAL_NAMESPACE;
  const tokens = new Tokens(io);
  const secrets = await givenSecrets(flags, tokens, io);
  let follows = 0;
  const code = await withDesk(flags, io, async (desk) => {
    // All that the flags and the cluster may refuse comes before anything is made.
    const live = await readInstall(desk.cluster, desk.discovery, namespace);
    const wanted = readSettings({ ...flags, agentName }, live, io);
    checkSecretFlags(flags, wanted);
    const { configProject, gitlabUrl } = withGitLab(wanted);
    const access = await gitlabAccess(flags, tokens, io, gitlabUrl);
    const isReporting =
      secrets[SECRETS.api] !== undefined || live.secrets.some(({ id }) => id.name === SECRETS.api);
    desk.progress.rest();
    const api = isReporting ? secrets[SECRETS.api] : await askForReporting(io);
    if (api?.token !== undefined) await checkToken(access, api.token);
    const asksGitLab = wanted.kas !== undefined && getsTokenOfGitLab(live, secrets);
    const readable = (projects: readonly string[]): Promise<void> | undefined =>
      asksGitLab ? checkReadable(configProject, projects, access) : undefined;
    await readable(flags.project ?? []);
    const config = await configurationFile(
      {
        project: configProject,
        agent: agentName,
        manifests: flags.project ?? [],
        ...(flags.defaultNamespace !== undefined && { defaultNamespace: flags.defaultNamespace }),
      },
      access,
      io,
    );
    follows = config.entries.length;
    const projects = await projectsToRead(configProject, config.entries, access);
    await readable(projects);
    await findOrCreate(openAgents(access), configProject, agentName, true, io);
    const settings = await withRules(desk, wanted, () =>
      manifestsOf(flags, desk, () => configuredManifests(config.entries, access, io, desk.progress)),
    );
    const fresh: Record<string, SecretData> = { ...secrets, ...(api && { [SECRETS.api]: api }) };
    const run = (there: LiveInstall): Promise<number> =>
      install(desk, settings, secretsFor(wanted, there, fresh, true), timeout);
    if (asksGitLab) {
      const registration = { namespace, live, project: configProject, name: agentName, access };
      const registered = await registerAgent(desk, registration);
      return registered === 0 ? run(await readInstall(desk.cluster, desk.discovery, namespace)) : registered;
    }
    if (!wanted.kas && fresh[SECRETS.git] === undefined) {
      const git = await readingTokens(agentName, projects, live.secrets, access, io);
      if (Object.keys(git).length > 0) fresh[SECRETS.git] = git;
    }
    return run(live);
  });
  if (code !== 0 || follows === 0) return code;
  const all = { agent: agentName, namespace, project: undefined };
  const named = { ...all, commit: undefined, allNamespaces: false, 'all-namespaces': false };
  return runWait({ ...flags, ...named }, io);
}

/** A token that is nobody's would only come to light in the log of the agent. */
async function checkToken(access: GitLabOptions, token: string): Promise<void> {
  const self = await openProjects({ ...access, token: () => Promise.resolve(token) }).self();
  if (!self.ok) throw gitlabProblem('the token for reporting is not taken', self.failure);
}

async function askForReporting(io: Io): Promise<SecretData | undefined> {
  const without = 'without a token of its own the agent reports nothing to GitLab: --api-token-file';
  if (!io.stdinIsTty) {
    io.err(`notice: ${without}\n`);
    return undefined;
  }
  io.err('token for reporting to GitLab (scope api, role Developer; empty for none): ');
  const token = (await io.line({ hidden: true })).trim();
  if (token !== '') return { token };
  io.err(`notice: ${without}\n`);
  return undefined;
}
