import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import type { Io } from '../io.ts';
import { INSTALLATION_FLAGS, TOKEN_FLAGS } from './install.ts';

const CREDENTIAL_FLAGS = {
  'agent-id': { type: 'number', requiresArg: true, describe: 'Number of the agent' },
  'gitlab-url': INSTALLATION_FLAGS['gitlab-url'],
  ...TOKEN_FLAGS,
} as const;

type RawFlags = InferredOptionTypes<typeof CREDENTIAL_FLAGS>;
export type CredentialFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = 'Print the credential of a context that "kubeconfig" wrote: your token is in it';

/** `credential`: what kubectl runs for the contexts that `kubeconfig` writes. It is not listed. */
export function credentialCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'credential',
    describe: false,
    builder: (yargs) => yargs.options(CREDENTIAL_FLAGS).usage(`$0 credential [flags]\n\n${DESCRIPTION}`),
    handler: async (flags) => {
      const { runCredential } = await import('../kubeconfig/run-credential.ts');
      finish(await runCredential(flags, io));
    },
  };
}
