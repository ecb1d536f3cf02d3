import { createClient } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { pause } from '../../core/daemon/time.ts';
import { AgentConfiguration } from '../../core/grpc/generated/agent_configuration_pb.ts';
import type { AgentConfiguration as Configuration } from '../../core/grpc/generated/agentcfg_pb.ts';
import type { AgentMeta } from '../../core/grpc/generated/modshared_pb.ts';
import { isDnsLabel } from '../../core/model/dns-label.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { SourceFailure } from '../../core/model/source.ts';
import { oneLine } from '../../core/report/escape.ts';
import { isOurs } from './configuration-text.ts';
import type { Kas } from './connect-kas.ts';
import { kasFailure, ProtocolError } from './kas-failure.ts';
import { Reconnecting } from './reconnecting.ts';

/** Who an agent is, as its server says, or its flags. */
export interface KasIdentity {
  agentName: string;
  configProject: string;
  /** Where GitLab is; the address of the server where it does not say. */
  gitlabUrl: string;
  /** Whether the server is of this project. */
  isOurs: boolean;
}

export interface IdentityOptions {
  kas: Kas;
  meta: AgentMeta;
  /** What flags say counts. */
  said: Partial<Pick<KasIdentity, 'agentName' | 'configProject' | 'gitlabUrl'>>;
  address: string;
  signal: AbortSignal;
  random: () => number;
  log: Log;
  /** Told why it is not known yet. */
  onFailure: (failure: SourceFailure) => void;
}

/** What an agent is called whose server does not say: GitLab's agent server of 13.8 sends neither name nor number. */
const UNNAMED = 'gitlab-agent';

/** Asks the server until it says who the agent is. Rejects when the signal ends. */
export async function learnIdentity(options: IdentityOptions): Promise<KasIdentity> {
  const { kas, meta, address, signal, random, log, onFailure } = options;
  const client = createClient(AgentConfiguration, kas.transport);
  const reconnecting = new Reconnecting(random);
  let told = '';
  for (;;) {
    signal.throwIfAborted();
    const ending = new AbortController();
    try {
      const request = { agentMeta: meta, skipRegister: true, wholeFile: true };
      const stream = client.getConfiguration(request, { signal: AbortSignal.any([signal, ending.signal]) });
      for await (const { configuration } of stream) {
        if (!configuration) throw new ProtocolError('there is no configuration in the answer');
        return identityOf(configuration, options);
      }
    } catch (error) {
      signal.throwIfAborted();
      const failure = kasFailure(error, address);
      onFailure(failure);
      const { message, hint } = failure;
      if (message !== told)
        log.error('The agent server does not say who this agent is', { error: message, hint });
      told = message;
    } finally {
      ending.abort();
    }
    await pause(reconnecting.afterFailure(), signal);
  }
}

function identityOf(configuration: Configuration, { said, address, log }: IdentityOptions): KasIdentity {
  const { agentName, agentId, projectPath, gitlabExternalUrl } = configuration;
  // With the token of another it would apply what is meant for that one's cluster.
  if (said.agentName !== undefined && agentName !== '' && agentName !== said.agentName)
    throw new ProblemError({
      code: 'Agent',
      message: `the token is that of the agent ${oneLine(agentName.slice(0, 80))}, and --agent-name says ${said.agentName}`,
      hint: `give it a token of ${said.agentName}`,
    });
  const name = said.agentName ?? (agentName || (agentId > 0n ? `agent-${agentId}` : UNNAMED));
  if (!isDnsLabel(name))
    throw new ProtocolError(`the agent can't be called ${JSON.stringify(name.slice(0, 80))}`);
  if (said.agentName === undefined && agentName === '')
    log.warn('The agent server does not say what this agent is called', {
      agent: name,
      hint: '--agent-name says it; agents of one namespace need names of their own',
    });
  const url = URL.parse(gitlabExternalUrl);
  const isUrl = url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  return {
    agentName: name,
    configProject: said.configProject ?? (projectPath || `${UNNAMED}/configuration`),
    gitlabUrl:
      said.gitlabUrl ?? (isUrl ? gitlabExternalUrl.replace(/\/+$/, '') : address.replace(/\/+$/, '')),
    isOurs: isOurs(configuration),
  };
}
