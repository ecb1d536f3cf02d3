import { openAgents } from '../../core/gitlab/agents.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { applyExitCode } from '../../core/model/apply.ts';
import type { AgentTokenInfo, GitLabAgents } from '../../core/model/gitlab-agents.ts';
import { dig } from '../../core/model/json.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { ageText } from '../../core/report/age.ts';
import { columns } from '../../core/report/columns.ts';
import { oneLine } from '../../core/report/escape.ts';
import type { RegisterFlags } from '../commands/register.ts';
import { gitlabAccess, gitlabProblem } from '../gitlab/access.ts';
import { checkedName } from '../gitlab/agent-name.ts';
import { carryOut, createNamespaces } from '../install/carry-out.ts';
import { DEPLOY_FILES } from '../install/deploy-files.ts';
import { type Desk, withDesk } from '../install/desk.ts';
import { namespaceManifest, plainManifest } from '../install/install-objects.ts';
import { type LiveInstall, readInstall } from '../install/live-install.ts';
import { SECRETS, TOKEN_ID_ANNOTATION, USUAL_NAMESPACE } from '../install/settings.ts';
import type { Io } from '../io.ts';
import { Tokens } from '../read-token.ts';

const ROLE = 'agents are made by maintainers of the project, with a token of the scope api';

/** Runs `register` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runRegister(flags: RegisterFlags, io: Io): Promise<number> {
  const name = checkedName(flags.agent, 'register');
  const only = [flags.list, flags.rotate, flags.revoke !== undefined].filter(Boolean).length;
  if (only > 1) throw usage('--list, --rotate and --revoke exclude each other', 'run register once for each');
  if (flags.print && (flags.list || flags.rotate || flags.revoke !== undefined))
    throw usage('--print is for a new token', 'a token is shown once, when it is made');
  const needsCluster = !flags.print && flags.revoke === undefined && !flags.list;
  // Where the cluster knows the project and GitLab already, they need not be said.
  const isSaid = flags.configProject !== undefined && (flags.gitlabUrl ?? io.env.GITLAB_HOST) !== undefined;
  if (!needsCluster && isSaid) return withRecord(flags, io, name, {}, (record) => look(flags, io, record));
  return withDesk(flags, io, async (desk) => {
    const namespace = flags.namespace || USUAL_NAMESPACE;
    const live = await readInstall(desk.cluster, desk.discovery, namespace);
    return withRecord(flags, io, name, live, (record) =>
      needsCluster ? writeToken(flags, desk, namespace, live, record) : look(flags, io, record),
    );
  });
}

interface AgentInGitLab {
  agents: GitLabAgents;
  project: string;
  name: string;
  id: number;
  tokens: AgentTokenInfo[];
}

/** Sees to it that a good token of the agent is in the Secret; makes the record, too. Returns an exit code. Throws ProblemError. */
export async function registerAgent(
  desk: Desk,
  { namespace, live, project, name, access }: Registration,
): Promise<number> {
  return withAgent(openAgents(access), { project, name, mayCreate: true }, desk.io, (record) =>
    writeToken({ rotate: false }, desk, namespace, live, record),
  );
}

/** Which agent is registered, and where its token goes. */
export interface Registration {
  namespace: string;
  live: LiveInstall;
  project: string;
  name: string;
  access: GitLabOptions;
}

async function withRecord<T>(
  flags: RegisterFlags,
  io: Io,
  name: string,
  live: Partial<LiveInstall>,
  use: (record: AgentInGitLab) => Promise<T>,
): Promise<T> {
  const project = flags.configProject ?? live.configProject;
  if (!project) throw usage('--config-project is missing', '--config-project group/agents');
  const agents = openAgents(await gitlabAccess(flags, new Tokens(io), io, live.gitlabUrl));
  const mayCreate = !flags.list && flags.revoke === undefined;
  return withAgent(agents, { project, name, mayCreate }, io, use);
}

async function withAgent<T>(
  agents: GitLabAgents,
  { project, name, mayCreate }: { project: string; name: string; mayCreate: boolean },
  io: Pick<Io, 'err'>,
  use: (record: AgentInGitLab) => Promise<T>,
): Promise<T> {
  const id = await findOrCreate(agents, project, name, mayCreate, io);
  const tokens = await agents.tokens(project, { id, name });
  if (!tokens.ok)
    throw gitlabProblem(`the tokens of the agent ${name} can't be listed`, tokens.failure, ROLE);
  return use({ agents, project, name, id, tokens: tokens.value });
}

/** The number of the agent's record; makes it where there is none and `mayCreate`. Throws ProblemError. */
export async function findOrCreate(
  agents: GitLabAgents,
  project: string,
  name: string,
  mayCreate: boolean,
  io: Pick<Io, 'err'>,
): Promise<number> {
  const found = await agents.find(project, name);
  if (!found.ok) throw gitlabProblem(`the agents of ${project} can't be read`, found.failure, ROLE);
  if (found.value !== undefined) return found.value;
  if (!mayCreate)
    throw new ProblemError({
      code: 'NoAgent',
      message: `${project} has no agent called ${name} in GitLab`,
      hint: `kubectl gitlab-agent register ${name} makes it`,
    });
  const made = await agents.create(project, name);
  if (!made.ok)
    throw gitlabProblem(`the agent ${name} can't be registered in ${project}`, made.failure, ROLE);
  io.err(`registered the agent ${name} in ${project}\n`);
  return made.value;
}

/** What needs no cluster: listing, revoking, and a token for somewhere else. */
async function look(flags: RegisterFlags, io: Io, record: AgentInGitLab): Promise<number> {
  const { agents, project, id, tokens } = record;
  if (flags.list) {
    io.out(tokenTable(tokens, io.columns, new Date()));
    return 0;
  }
  if (flags.print) {
    const made = await createToken(record, 'printed');
    io.err(`token ${made.id} of the agent ${record.name}: it is shown this once\n`);
    io.out(`${made.value}\n`);
    return 0;
  }
  const { revoke } = flags;
  if (!tokens.some((token) => token.id === revoke))
    throw new ProblemError({
      code: 'NoToken',
      message: `the agent ${record.name} has no token ${revoke} that is good`,
      hint: 'register AGENT --list shows the tokens',
    });
  const answer = await agents.revokeToken(project, id, revoke!);
  if (!answer.ok) throw gitlabProblem(`token ${revoke} can't be revoked`, answer.failure, ROLE);
  io.err(`revoked token ${revoke} of the agent ${record.name}\n`);
  return 0;
}

function tokenTable(tokens: readonly AgentTokenInfo[], width: number, now: Date): string {
  if (tokens.length === 0) return 'no token is good\n';
  const rows = tokens.map(({ id, name, createdAt, lastUsedAt }) =>
    [
      String(id),
      ageText(createdAt, now),
      lastUsedAt === undefined ? '-' : ageText(lastUsedAt, now),
      oneLine(name),
    ].map((text) => ({ text })),
  );
  return columns(['ID', 'AGE', 'LAST USED', 'NAME'], rows, { color: false, width });
}

/** Makes a token and puts it into the Secret, unless there is a good one in it. */
async function writeToken(
  { rotate }: Pick<RegisterFlags, 'rotate'>,
  desk: Desk,
  namespace: string,
  { secrets, foreign }: LiveInstall,
  record: AgentInGitLab,
): Promise<number> {
  const { io } = desk;
  const { agents, project, id, tokens } = record;
  if (foreign.includes(SECRETS.agent))
    throw new ProblemError({
      code: 'NotOurs',
      message: `the Secret ${SECRETS.agent} -n ${namespace} is not one that this program made: it may be that of GitLab's own agent`,
      hint: 'choose another namespace with -n, or --print the token',
    });
  const before = secrets.find(({ id: { name } }) => name === SECRETS.agent)?.object;
  const held = Number(dig(before, 'metadata', 'annotations', TOKEN_ID_ANNOTATION) ?? Number.NaN);
  const isGood = tokens.some((token) => token.id === held);
  if (isGood && !rotate) {
    io.err(
      `token ${held} of the agent ${record.name} is in the Secret ${SECRETS.agent} -n ${namespace} already\n`,
    );
    return 0;
  }
  await createNamespaces(desk, [namespaceManifest(DEPLOY_FILES, namespace)]);
  const made = await createToken(record, namespace);
  const secret = plainManifest(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: SECRETS.agent,
        namespace,
        annotations: { [TOKEN_ID_ANNOTATION]: String(made.id) },
      },
      type: 'Opaque',
      data: { token: Buffer.from(made.value).toString('base64') },
    },
    'GitLab',
  );
  const code = await carryOut(desk, namespace, [secret], { prune: false })
    .then(({ outcomes }) => applyExitCode(outcomes))
    .catch(async (error: unknown) => {
      await giveUp(record, made.id, io);
      throw error;
    });
  if (code !== 0) {
    await giveUp(record, made.id, io);
    return code;
  }
  io.err(`token ${made.id} of the agent ${record.name} is in the Secret ${SECRETS.agent} -n ${namespace}\n`);
  if (!isGood) return 0;
  const revoked = await agents.revokeToken(project, id, held);
  if (!revoked.ok)
    throw gitlabProblem(`token ${held}, which was there before, can't be revoked`, revoked.failure);
  io.err(`revoked token ${held}\n`);
  return 0;
}

/** A token that nobody has must not stay good. */
async function giveUp({ agents, project, id }: AgentInGitLab, token: number, io: Io): Promise<void> {
  const revoked = await agents.revokeToken(project, id, token).catch(() => undefined);
  io.err(
    revoked?.ok
      ? `notice: token ${token}, which was made for it, is revoked again\n`
      : `notice: token ${token} was made and is nowhere: revoke it with --revoke ${token}\n`,
  );
}

async function createToken(
  { agents, project, name, id, tokens }: AgentInGitLab,
  where: string,
): Promise<AgentTokenInfo & { value: string }> {
  const token = {
    name: `kubectl gitlab-agent: ${where}`,
    description: 'Made by kubectl gitlab-agent register',
  };
  const made = await agents.createToken(project, id, token);
  if (made.ok) return made.value;
  if (/only two active tokens/.test(made.failure.message))
    throw new ProblemError({
      code: 'TwoTokens',
      message: `the agent ${name} has two tokens already, ${tokens.map((one) => one.id).join(' and ')}, and that is as many as GitLab allows`,
      hint: `revoke the one that nobody uses: register ${name} --revoke ID (--list tells when each was used)`,
    });
  throw gitlabProblem(`the agent ${name} gets no token`, made.failure, ROLE);
}

function usage(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'Usage', message, hint });
}
