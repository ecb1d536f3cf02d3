import { findSets } from '../../core/apply/find-sets.ts';
import { changesOf, planRun } from '../../core/apply/plan-run.ts';
import { applyExitCode } from '../../core/model/apply.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { diffExitCode, summarize } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { oneLine } from '../../core/report/escape.ts';
import { render } from '../../core/report/render.ts';
import { yamlText } from '../../core/report/yaml.ts';
import { configurationFile } from '../bootstrap/configuration-file.ts';
import type { InstallFlags } from '../commands/install.ts';
import { gitlabAccess } from '../gitlab/access.ts';
import { type InputFlags, readInputs } from '../inputs.ts';
import { type Io, wantsColor } from '../io.ts';
import { Tokens } from '../read-token.ts';
import { readTimeout } from '../wait-flags.ts';
import { awaitReport } from './agent-report.ts';
import { carryOut, createNamespaces, installSet } from './carry-out.ts';
import { configuredManifests } from './configured-manifests.ts';
import { DEPLOY_FILES } from './deploy-files.ts';
import { type Desk, withDesk } from './desk.ts';
import { generatedRules, type Held, type Wanted } from './generated-rules.ts';
import { askForAgentToken, checkSecretFlags, givenSecrets } from './given-secrets.ts';
import { installObjects } from './install-objects.ts';
import { readInstall, unknownInstall } from './live-install.ts';
import { parseRights, readSettings, type WantedInstall, withGitLab } from './read-settings.ts';
import { secretsFor } from './secrets.ts';
import { type InstallSettings, USUAL_NAMESPACE } from './settings.ts';

/** Runs `install` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runInstall(flags: InstallFlags, io: Io): Promise<number> {
  const timeout = readTimeout(flags.timeout);
  const dryRun = isDryRun(flags);
  const tokens = new Tokens(io);
  const secrets = await givenSecrets(flags, tokens, io);
  if (dryRun && flags.output === 'yaml' && isComplete(flags, io)) {
    const settings = readSettings(flags, {}, io) as InstallSettings;
    checkSecretFlags(flags, settings);
    printObjects(settings, secretsFor(settings, { secrets: [], foreign: [] }, secrets, false), io);
    return 0;
  }
  return withDesk(flags, io, async (desk) => {
    const namespace = flags.namespace || USUAL_NAMESPACE;
    const live = await readInstall(desk.cluster, desk.discovery, namespace);
    const wanted = readSettings(flags, live, io);
    checkSecretFlags(flags, wanted);
    const asked = dryRun ? {} : await askForAgentToken(wanted, live, secrets, io);
    const all = secretsFor(wanted, live, { ...secrets, ...asked }, !dryRun);
    const settings = await withRules(desk, wanted, () =>
      manifestsOf(flags, desk, async () => {
        const { configProject: project, gitlabUrl } = withGitLab(wanted);
        const access = await gitlabAccess(flags, tokens, io, gitlabUrl);
        const { agentName: agent } = wanted;
        const { entries } = await configurationFile({ project, agent, manifests: [] }, access, io);
        return configuredManifests(entries, access, io, desk.progress);
      }),
    );
    if (!dryRun) return install(desk, settings, all, flags.wait ? timeout : undefined);
    if (flags.output === 'text') return showPlan(desk, settings, all);
    printObjects(settings, all, io);
    return 0;
  });
}

/** Applies an installation and waits until the agent reports, where `timeout` (ms) says how long. */
export async function install(
  desk: Desk,
  settings: InstallSettings,
  secrets: readonly Manifest[],
  timeout: number | undefined,
): Promise<number> {
  const { namespace, members } = installObjects(DEPLOY_FILES, settings);
  const { io, progress } = desk;
  await createNamespaces(desk, [namespace, ...namespacesOf(settings)]);
  const record = await carryOut(desk, settings.namespace, [...secrets, ...members], {
    prune: true,
    ...(timeout !== undefined && { timeout }),
  });
  const foreign = record.outcomes.filter(({ error }) =>
    /^(NotAMember|MemberOfSet)$/.test(error?.reason ?? ''),
  );
  if (foreign.length > 0)
    io.err(
      "hint: what is there may be GitLab's own agent or another installation: choose another namespace with -n\n",
    );
  const code = applyExitCode(record.outcomes);
  if (code !== 0 || timeout === undefined || settings.replicas === 0) return code;
  const { namespace: within, agentName: agent } = settings;
  progress.update(`waiting until the agent ${agent} reports …`);
  const awaited = await awaitReport(desk.cluster, { namespace: within, agent, timeout, signal: io.signal });
  progress.rest();
  if ('silence' in awaited) {
    io.err(
      `error: the agent ${agent} has not reported within ${timeout / 1000} s: ${oneLine(awaited.silence)}\n` +
        `hint: kubectl logs -n ${within} deploy/gitlab-agent${settings.kas ? `; can the cluster reach ${settings.kas.address}, and is its token good?` : ''}\n`,
    );
    return 1;
  }
  const { version, configuration, entries, problems } = awaited.report;
  const projects = `${entries.length} ${entries.length === 1 ? 'manifest project' : 'manifest projects'}`;
  const at = configuration === undefined ? '' : ` at ${configuration.slice(0, 12)}: ${projects}`;
  progress.aside(() =>
    io.out(
      `the agent ${agent} (v${oneLine(version)}) reports${settings.kas ? ` by way of ${settings.kas.address}` : ''}: it follows ${settings.configProject ?? 'its configuration'}${at}\n`,
    ),
  );
  for (const problem of problems) io.err(`error: its configuration: ${oneLine(problem)}\n`);
  return problems.length > 0 ? 1 : 0;
}

/** Rights of a Role are in a namespace: it has to be there first. */
function namespacesOf({ namespace, rights }: InstallSettings): Manifest[] {
  const names =
    rights.mode === 'namespaces'
      ? rights.namespaces
      : rights.mode === 'generated'
        ? [...rights.rules.keys()].filter((name) => name !== '')
        : [];
  return names
    .filter((name) => name !== namespace)
    .map((name) => ({
      id: { group: '', version: 'v1', kind: 'Namespace', name },
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      source: { file: '--rbac', line: 1, column: 1 },
    }));
}

/** The settings with the rules that `generated` means. */
export async function withRules(
  { cluster, discovery, progress }: Desk,
  wanted: WantedInstall,
  manifests: () => Promise<Wanted[]>,
): Promise<InstallSettings> {
  const { rights, namespace, agentName } = wanted;
  if (rights.mode !== 'generated') return { ...wanted, rights };
  progress.update('reading the manifests …');
  const found = await findSets(cluster, discovery, { namespace });
  if ('failure' in found) throw unknownInstall(`what the agent applied so far can't be told`, found.failure);
  const held = found.sets
    .filter(({ set }) => set.name.startsWith(`gitlab-agent.${agentName}.`))
    .map(
      ({ live: { extent } }): Held => ({
        groupKinds: extent.groupKinds,
        namespaces: extent.namespaces.union(new Set([namespace])),
      }),
    );
  const all = await manifests();
  if (all.some((one) => one.manifests.some(({ id }) => /^(Cluster)?Role(Binding)?$/.test(id.kind))))
    progress.say(
      'notice: the manifests hold RBAC objects: the agent can grant only rights that it has itself (docs/install.md)',
    );
  return { ...wanted, rights: { mode: 'generated', rules: generatedRules(all, held, discovery, namespace) } };
}

/** The manifests of -f or -k, else those of the configuration. */
export async function manifestsOf(
  flags: InputFlags,
  desk: Desk,
  configured: () => Promise<Wanted[]>,
): Promise<Wanted[]> {
  const { filename = [], kustomize } = flags;
  if (filename.length === 0 && kustomize === undefined) return configured();
  const { manifests } = await readInputs(flags, desk.io, desk.progress, {
    revision: undefined,
    allowAbsent: false,
  });
  return [{ manifests, defaultNamespace: 'default' }];
}

async function showPlan(
  { cluster, discovery, io, progress, color, shown }: Desk,
  settings: InstallSettings,
  secrets: readonly Manifest[],
): Promise<number> {
  const { namespace, members } = installObjects(DEPLOY_FILES, settings);
  const resource = discovery.resources.find(({ group, kind }) => group === '' && kind === 'Namespace')!;
  const namespaces = [namespace, ...namespacesOf(settings)];
  const there = await Promise.all(namespaces.map(({ id }) => cluster.get({ resource, name: id.name })));
  const absent = namespaces.filter((_one, index) => !there[index]!.ok);
  const options = {
    namespace: settings.namespace,
    enforceNamespace: false,
    gate: new SecretGate(),
    refuseUnowned: true,
    conflicts: 'take' as const,
  };
  const manifests = [...secrets, ...members];
  shown.push(...manifests);
  const first = await planRun(cluster, absent, options);
  // Objects of Namespaces that are still to be made are told as what they will be: new.
  const run = await planRun(cluster, manifests, {
    ...options,
    applySet: installSet(settings.namespace, io, true),
  });
  const names = new Set(absent.map(({ id }) => id.name));
  const changes = [...changesOf(first), ...changesOf(run)].map((change) =>
    change.action === 'unknown' && names.has(change.id.namespace ?? '')
      ? { id: change.id, action: 'create' as const, verified: false as const }
      : change,
  );
  progress.end();
  io.out(render('unified', changes, { color: wantsColor(io, color), width: io.columns }));
  return diffExitCode(summarize(changes));
}

/** The objects as YAML documents; of Secrets only that there are some. */
function printObjects(settings: InstallSettings, secrets: readonly Manifest[], io: Io): void {
  const { namespace, members } = installObjects(DEPLOY_FILES, settings);
  const documents = [namespace, ...namespacesOf(settings), ...members].map(({ object }) => yamlText(object));
  const notes = secrets.map(({ id, object }) => {
    const keys = Object.keys(object.data as object).sort();
    return `# Secret ${id.name} -n ${id.namespace} with ${keys.join(', ')}: not printed\n`;
  });
  io.out(notes.join('') + documents.join('---\n'));
}

/** Whether all is said that can be printed without looking at the cluster. */
function isComplete(flags: InstallFlags, io: Io): boolean {
  const gitlab = [flags.configProject, flags.gitlabUrl ?? io.env.GITLAB_HOST];
  const said = [flags.agentName, ...(flags.kasAddress === undefined ? gitlab : [])];
  const image = flags.image ?? io.env.GITLAB_AGENT_IMAGE;
  return [...said, image].every(Boolean) && parseRights(flags.rbac ?? 'cluster').mode !== 'generated';
}

/** kubectl's values; `client` and `server` are one here. */
function isDryRun({ dryRun, output }: Pick<InstallFlags, 'dryRun' | 'output'>): boolean {
  const is = dryRun !== undefined && dryRun !== 'none' && dryRun !== 'false';
  if (is && !/^(|client|server|true)$/.test(dryRun))
    throw new ProblemError({
      code: 'Usage',
      message: `--dry-run can't be ${JSON.stringify(dryRun)}`,
      hint: 'it stands alone, or is client, server or none',
    });
  if (!is && output === 'yaml')
    throw new ProblemError({
      code: 'Usage',
      message: '-o yaml prints what would be applied',
      hint: '--dry-run -o yaml',
    });
  return is;
}
