// GitLab is away, or refuses: its API and its repositories.
import { namespace } from '../../support/cluster.ts';
import { type ErrorRow, tellsErrors } from '../../support/error-rows.ts';
import { type Ground, ground } from '../../support/errors-ground.ts';
import { json, text } from '../../support/gitlab/answer.ts';
import {
  expiredToken,
  type Fault,
  htmlError,
  rateLimited,
  serverError,
} from '../../support/gitlab/faults.ts';

const CANARY = 'glpat-canary0123';

const register = ({ gitlab }: Ground, ...more: string[]): string[] => [
  'register',
  'test',
  '--print',
  `--gitlab-url=${gitlab.url}`,
  '--config-project=group/agents',
  ...more,
];

/** `register` against a GitLab that answers so. */
const answering = (what: string, fault: Fault, row: Omit<ErrorRow, 'what' | 'given'>): ErrorRow => ({
  what: `GitLab answers ${what}: register`,
  given: async (t) => {
    const here = await ground(t);
    const { value } = here.ada.createToken({ scopes: ['api'] });
    here.gitlab.fault(fault);
    return { args: register(here), env: { GITLAB_TOKEN: value }, secrets: [value] };
  },
  ...row,
});

const ROLE = 'agents are made by maintainers of the project, with a token of the scope api';
const AWAY = 'is the address of GitLab right (--gitlab-url), and are you in the right network or VPN?';
const TROUBLE = 'GitLab, or a proxy in front of it, is in trouble: try again later';
const WRONG = 'the token is wrong, expired or revoked';
const AGENTS = "the agents of group/agents can't be read: GitLab";

tellsErrors([
  {
    what: 'GitLab is away: register',
    given: async (t) => {
      const here = await ground(t);
      await here.gitlab[Symbol.asyncDispose]();
      return { args: register(here), env: { GITLAB_TOKEN: CANARY }, secrets: [CANARY] };
    },
    error: RegExp(`${AGENTS} did not answer: nothing listens at http://\\S+ \\(connection refused\\)`),
    hint: AWAY,
  },
  {
    what: 'GitLab is not said: register',
    given: { args: 'register test --print --config-project=group/agents', env: { GITLAB_TOKEN: 'x' } },
    error: '--gitlab-url is missing',
    hint: '--gitlab-url https://gitlab.example.com',
  },
  {
    what: 'no token: register',
    given: {
      args: 'register test --print --gitlab-url=https://gitlab.example.com --config-project=group/agents',
    },
    error: 'there is no token for https://gitlab.example.com',
    hint: 'GITLAB_TOKEN, --gitlab-token-file FILE (or - for stdin), or glab auth login; its scope is api',
  },
  {
    what: 'a token where its file belongs: register',
    given: {
      args: 'register test --print --gitlab-url=https://gitlab.example.com --config-project=a/b --gitlab-token-file=glpat-canary0123',
      secrets: [CANARY],
    },
    error: "the file of --gitlab-token-file can't be read: there is no such file",
    hint: '--gitlab-token-file takes a file, or - for stdin',
  },
  {
    what: 'the command that prints the token failed: register',
    given: {
      args: 'register test --print --gitlab-url=https://gitlab.example.com --config-project=a/b --gitlab-token-file=-',
    },
    error: 'there is no token in standard input',
    hint: 'did the command that prints it fail?',
  },
  {
    what: 'a token that has expired: register',
    given: async (t) => {
      const here = await ground(t);
      const { value } = here.ada.createToken({ scopes: ['api'], expiresAt: '2020-01-31' });
      return { args: register(here), env: { GITLAB_TOKEN: value }, secrets: [value] };
    },
    error: RegExp(`${AGENTS} answered 401: .+`),
    hint: WRONG,
  },
  {
    what: 'a token without the scope: register',
    given: async (t) => {
      const here = await ground(t);
      const { value } = here.ada.createToken({ scopes: ['read_api'] });
      return { args: register(here), env: { GITLAB_TOKEN: value }, secrets: [value] };
    },
    error: /the agent test can't be registered in group\/agents: GitLab answered 403: .+/,
    hint: ROLE,
  },
  {
    what: 'an unknown project: register',
    given: async (t) => {
      const here = await ground(t);
      const { value } = here.ada.createToken({ scopes: ['api'] });
      return { args: register(here, '--config-project=group/none'), env: { GITLAB_TOKEN: value } };
    },
    error: /the agents of group\/none can't be read: .+/,
    hint: ROLE,
  },
  {
    what: 'an unknown agent: register --list',
    given: async (t) => {
      const here = await ground(t);
      const { value } = here.ada.createToken({ scopes: ['api'] });
      return {
        args: register(here, '--list').filter((word) => word !== '--print'),
        env: { GITLAB_TOKEN: value },
      };
    },
    error: 'group/agents has no agent called test in GitLab',
    hint: 'kubectl gitlab-agent register test makes it',
  },
  answering('401', expiredToken(), { error: RegExp(`${AGENTS} answered 401: .+`), hint: WRONG }),
  answering(
    '403',
    { answer: json(403, { message: '403 Forbidden' }) },
    {
      error: `${AGENTS} answered 403: 403 Forbidden`,
      hint: ROLE,
    },
  ),
  answering(
    '404',
    { answer: json(404, { message: '404 Project Not Found' }) },
    {
      error: `${AGENTS} answered 404: 404 Project Not Found`,
      hint: ROLE,
    },
  ),
  answering('500', serverError(), {
    error: RegExp(`${AGENTS} answered 500: 500 Internal Server Error`),
    hint: TROUBLE,
  }),
  answering('502 with a page', htmlError(), {
    error: `${AGENTS} answered 502: an HTML page ("GitLab is not responding (502)")`,
    hint: TROUBLE,
  }),
  answering(
    '200 with a login page',
    { answer: text(200, '<html><title>Sign in</title>') },
    {
      error: RegExp(`${AGENTS} answered 200: .+`),
      hint: AWAY,
    },
  ),
  answering('429', rateLimited(1), {
    error: RegExp(`${AGENTS} answered 429: Retry later`),
    hint: 'GitLab limits how often it may be asked: try again in a minute',
  }),
  answering('nothing', 'cut', { error: RegExp(`${AGENTS} did not answer: .+`), hint: AWAY }),
  {
    what: 'an unknown configuration project: bootstrap',
    given: async (t) => {
      const here = await ground(t);
      const { value } = here.ada.createToken({ scopes: ['api'] });
      const args = [
        'bootstrap',
        'test',
        '--config-project=group/none',
        '--project=group/shop',
        '--image=a/b:1',
      ];
      return {
        args: [...args, `--gitlab-url=${here.gitlab.url}`, '-n', await namespace(t)],
        env: { GITLAB_TOKEN: value },
        secrets: [value],
      };
    },
    before: /^notice: without a token of its own the agent reports nothing to GitLab: --api-token-file$/,
    error: "the configuration project group/none can't be read: GitLab answered 404: 404 Project Not Found",
    hint: 'make the project in GitLab first, and be a maintainer of it',
  },
]);
