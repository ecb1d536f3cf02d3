import type { CommandModule } from 'yargs';
import { ProblemError } from '../../core/model/problem.ts';
import type { Io } from '../io.ts';

const SHELLS = ['kubectl', 'bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const DESCRIPTION = `Print a completion script

"kubectl gitlab-agent" is completed by kubectl's own completion, which asks a
program kubectl_complete-gitlab_agent on PATH: the npm package brings it, the
archives have it beside the executable, and "completion kubectl" prints it.
The scripts for shells complete kubectl-gitlab_agent, with the dash.`;

const EXAMPLES = `Examples:
  # for kubectl gitlab-agent, in every shell in which kubectl is completed
  kubectl gitlab-agent completion kubectl \\
    > ~/.local/bin/kubectl_complete-gitlab_agent
  chmod +x ~/.local/bin/kubectl_complete-gitlab_agent

  # for kubectl-gitlab_agent
  source <(kubectl gitlab-agent completion bash)
  kubectl gitlab-agent completion zsh > "\${fpath[1]}/_kubectl-gitlab_agent"
  kubectl gitlab-agent completion fish \\
    > ~/.config/fish/completions/kubectl-gitlab_agent.fish`;

/** `completion`: the scripts that ask `__complete`. */
export function completionCommand(
  io: Io,
  finish: (code: number) => void,
): CommandModule<object, { shell: Shell | undefined }> {
  return {
    command: 'completion [shell]',
    describe: 'Print a completion script for kubectl, bash, zsh or fish',
    builder: (yargs) =>
      yargs
        .positional('shell', { choices: SHELLS, describe: 'Who is to complete' })
        .usage(`$0 completion ${SHELLS.join('|')}\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async ({ shell }) => {
      if (shell === undefined)
        throw new ProblemError({
          code: 'Usage',
          message: 'say for which shell',
          hint: `it is one of ${SHELLS.join(', ')}`,
        });
      const { SCRIPTS } = await import('../completion/scripts.ts');
      io.out(SCRIPTS[shell]);
      finish(0);
    },
  };
}
