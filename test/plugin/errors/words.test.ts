// What is wrong with the command line alone: nothing is read, and nobody is asked.
import { type ErrorRow, tellsErrors } from '../../support/error-rows.ts';

const env = { KUBECONFIG: '/dev/null' };

/** Arguments, the sentence, and what to do. */
const WORDS: [args: string, error: string, hint?: string][] = [
  ['statu', 'there is no command "statu"', 'did you mean status?'],
  ['apply', 'say what to apply: -f or -k is missing', 'kubectl gitlab-agent apply -f DIRECTORY -R'],
  ['apply shop.yaml', 'apply takes flags only, not "shop.yaml"', 'did you mean -f shop.yaml?'],
  ['apply -f a -k b', '-f and -k exclude each other', 'run apply once for each'],
  [
    'apply -f a --timeout 5s',
    '--timeout says how long to wait, and --wait is missing',
    'say what to wait for: --wait; the time of a single request is --request-timeout',
  ],
  ['bootstrap', 'say which agent', 'kubectl gitlab-agent bootstrap production'],
  ['completion', 'say for which shell', 'it is one of kubectl, bash, zsh, fish'],
  ['completion tcsh', 'the shell can\'t be "tcsh"', 'it is one of kubectl, bash, zsh, fish'],
  [
    'config',
    'say what to do with the configuration',
    'kubectl gitlab-agent config --help lists the commands',
  ],
  ['config edit a', 'say what to change: --set or --unset is missing', '--set ref.branch=main'],
  ['config validate', 'say which file', 'kubectl gitlab-agent config validate FILE, or - for standard input'],
  ['diff -f a --out b', '--out is for -o plan', 'other formats go to standard output'],
  ['explain', 'say which object', 'name one: kubectl gitlab-agent explain deploy/web'],
  ['explain pod', 'can\'t read the object "pod"', 'name one: kubectl gitlab-agent explain deploy/web'],
  [
    'health',
    'say what to judge: -f is missing',
    'kubectl get all -o yaml | kubectl gitlab-agent health -f -',
  ],
  ['history a b c d', 'history takes an agent, a project and one sync, not "d"'],
  ['install --frob', 'there is no flag --frob', 'kubectl gitlab-agent install --help lists the flags'],
  ['inventory -o xml', '--output can\'t be "xml"', 'it is one of table, json, yaml, name'],
  ['register Test', 'an agent can\'t be called "Test"', 'lower case letters, digits and dashes, at most 63'],
  [
    'register a --list --rotate',
    '--list, --rotate and --revoke exclude each other',
    'run register once for each',
  ],
  ['resume a b c', 'resume takes an agent and a project, not "c"'],
  [
    'rollback',
    'without a terminal nobody can be asked whether to roll back',
    '--yes does it without asking; kubectl gitlab-agent diff AGENT PROJECT --rev COMMIT shows what it would change',
  ],
  [
    'status -w --exit-code',
    '-w and --exit-code exclude each other: a watch has no end',
    'kubectl gitlab-agent wait ends when all is synced and healthy',
  ],
  ['suspend --reason=', '--reason needs words', '--reason "the migration is running"'],
  ['sync --wait --timeout soon', 'can\'t read --timeout "soon"', 'write a duration: 90s, 5m, 1h30m'],
  [
    'uninstall --keep --prune',
    '--keep and --prune exclude each other',
    '--keep leaves what the agent synced as it is, --prune deletes it',
  ],
  ['version now', 'version takes flags only, not "now"'],
  ['wait --commit', '--commit needs a value', 'a value that begins with "-" is written --commit=VALUE'],
];

tellsErrors(
  WORDS.map(
    ([args, error, hint]): ErrorRow => ({
      what: args,
      given: { args, env },
      error,
      ...(hint !== undefined && { hint }),
    }),
  ),
);
