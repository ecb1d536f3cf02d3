import { statSync, writeFileSync } from 'node:fs';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import test, { type ExecutionContext } from 'ava';
import { AgentConfiguration } from '../../core/grpc/generated/agent_configuration_pb.ts';
import { AgentRegistrar } from '../../core/grpc/generated/agent_registrar_pb.ts';
import { Gitops } from '../../core/grpc/generated/gitops_pb.ts';
import { ground } from '../kas/ground.ts';
import { serverCommand } from '../support/agent-server.ts';
import { waitFor } from '../support/control-plane/wait.ts';

const PATHS = [{ path: { case: 'glob' as const, value: '**/*.yaml' } }];

/** Calls as GitLab's own agents do; `authorization` is the whole header, null for none. */
function calls(port: number, authorization: string | null): Transport {
  return createGrpcTransport({
    baseUrl: `http://127.0.0.1:${port}`,
    interceptors: [
      (next) => (request) => {
        if (authorization !== null) request.header.set('authorization', authorization);
        return next(request);
      },
    ],
  });
}

/** The first configuration, or why there is none. */
async function configuration(t: ExecutionContext, transport: Transport): Promise<string> {
  const ending = new AbortController();
  t.teardown(() => ending.abort());
  try {
    const stream = createClient(AgentConfiguration, transport).getConfiguration(
      {},
      { signal: ending.signal },
    );
    for await (const { configuration } of stream) return configuration!.projectPath;
    return 'ended';
  } catch (error) {
    return told(error);
  } finally {
    ending.abort();
  }
}

function told(error: unknown): string {
  const { code, rawMessage } = ConnectError.from(error);
  return `${Code[code]}: ${rawMessage}`;
}

test('tokens: wrong, revoked, truncated, swapped, of another scheme', async (t) => {
  const { config, gitlab, server, token } = await ground(t);
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const others = await gitlab.createProject('other/agents');
  await others.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const swapped = server.createToken('test', 'other/agents');
  const ask = (header: string | null): Promise<string> => configuration(t, calls(server.port, header));
  t.is(await ask(`Bearer ${token}`), 'group/agents');
  t.is(await ask(`bearer ${token}`), 'group/agents');
  t.is(await ask(`Bearer ${swapped}`), 'other/agents');
  const refused = 'Unauthenticated: unauthenticated';
  const missing = `${refused}: there is no token`;
  const bad: [string | null, string][] = [
    [null, missing],
    ['Bearer ', missing],
    [`Basic ${token}`, missing],
    [`Bearer ${token}, Bearer ${swapped}`, missing],
    [`Bearer ${'x'.repeat(10_000)}`, missing],
    [`Bearer ${token.slice(0, -1)}`, refused],
    [`Bearer ${token}x`, refused],
    [`Bearer ${token.toUpperCase()}`, refused],
    ['Bearer glagent-', refused],
  ];
  for (const [header, answer] of bad) t.is(await ask(header), answer, String(header).slice(0, 30));
  // Nothing that anybody sees has a token, or a part of one that would do.
  const seen = [server.tail(), await server.get('/agents'), await server.get('/metrics')].join('\n');
  t.false(seen.includes(token.slice(8, 30)) || seen.includes(swapped.slice(8, 30)));
});

test('a revoked token ends streams that are open, without a restart, and is refused', async (t) => {
  const { config, server, token } = await ground(t);
  const commit = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const transport = calls(server.port, `Bearer ${token}`);
  const seen: string[] = [];
  const stream = (async () => {
    try {
      for await (const { commitId } of createClient(AgentConfiguration, transport).getConfiguration({}))
        seen.push(commitId);
      return 'ended';
    } catch (error) {
      return told(error);
    }
  })();
  await waitFor(() => seen.length > 0, { what: 'the configuration' });
  t.deepEqual(seen, [commit]);
  await createClient(AgentRegistrar, transport).register({ podId: 7n });
  const { agents } = JSON.parse(await server.get('/agents'));
  t.deepEqual(
    agents.map(({ agent_id: id }: { agent_id: string }) => id),
    ['1', '1'],
  );
  t.is(serverCommand('token', 'revoke', `--registry=${server.registry}`, '1').code, 0);
  t.is(await stream, 'Unauthenticated: unauthenticated');
  t.is(await configuration(t, transport), 'Unauthenticated: unauthenticated');
  t.deepEqual(JSON.parse(await server.get('/agents')), {});
});

test('an agent reads its own projects only, whatever it asks for', async (t) => {
  const { config, shop, gitlab, server, token } = await ground(t);
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const secret = await gitlab.createProject('group/secret');
  for (const project of [shop, secret]) await project.commit({ 'a.yaml': 'a: 1\n' });
  const client = createClient(Gitops, calls(server.port, `Bearer ${token}`));
  const ask = async (projectId: string, more: object = {}): Promise<string> => {
    const ending = new AbortController();
    try {
      const request = { projectId, paths: PATHS, ...more };
      for await (const { message } of client.getObjectsToSynchronize(request, { signal: ending.signal }))
        return message.case!;
      return 'ended';
    } catch (error) {
      return told(error);
    } finally {
      ending.abort();
    }
  };
  t.is(await ask('group/shop'), 'header');
  t.is(await ask('Group/Shop'), 'header');
  t.is(await ask('group/agents'), 'header');
  t.is(await ask('group/secret'), 'NotFound: project "group/secret" is not among this agent\'s projects');
  t.regex(await ask('3'), /^NotFound: project "3" is named by its number/);
  const invalid = 'InvalidArgument: project_id is no path and no number of a project';
  for (const path of [
    '',
    'group/../group/secret',
    'group/shop/../secret',
    './group/secret',
    'group/secret?x',
    'group%2fsecret',
    'https://evil.example/x',
    'group/shop\0',
  ])
    t.is(await ask(path), invalid, path);
  const paths = (value: string) => ({ paths: [{ path: { case: 'glob' as const, value } }] });
  t.is(await ask('group/shop', { paths: [] }), 'InvalidArgument: paths are missing');
  t.regex(await ask('group/shop', paths('../../etc/*')), /^InvalidArgument: .* leads out of the repository$/);
  t.regex(
    await ask('group/shop', paths('a/[')),
    /^FailedPrecondition: GitOps: the glob "a\/\[" can't be read/,
  );
  t.regex(
    await ask('group/shop', { paths: Array.from({ length: 101 }, () => PATHS[0]!) }),
    /^InvalidArgument: .*100 paths$/,
  );
  t.regex(
    await ask('group/shop', { ref: { ref: { case: 'branch', value: 'a b' } } }),
    /^InvalidArgument: ref\.branch/,
  );
  t.regex(
    await ask('group/shop', { ref: { ref: { case: 'branch', value: 'gone' } } }),
    /^FailedPrecondition: .*no branch "gone"/,
  );
});

test('many failed attempts from one address are not asked about; good tokens are let in', async (t) => {
  const { config, server } = await ground(t);
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const good = server.createToken('test', 'group/agents');
  t.is(await configuration(t, calls(server.port, `Bearer ${good}`)), 'group/agents');
  const answers: string[] = [];
  for (let attempt = 0; attempt < 70; attempt += 1)
    answers.push(await configuration(t, calls(server.port, `Bearer wrong-${attempt}`)));
  t.is(answers[0], 'Unauthenticated: unauthenticated');
  t.is(answers.at(-1), 'ResourceExhausted: too many failed attempts, try again in a minute');
  t.is(server.lines.filter(({ msg }) => msg === 'Too many failed attempts').length, 1);
  t.is(await configuration(t, calls(server.port, `Bearer ${good}`)), 'group/agents');
});

test('token create, list and revoke: shown once, hashed, in a file for its owner', async (t) => {
  const { server } = await ground(t);
  const registry = `--registry=${server.registry}`;
  const made = serverCommand(
    'token',
    'create',
    registry,
    '--agent=prod',
    '--project=a/b',
    '--name=first',
    '--allow=c/**',
  );
  t.regex(made.stdout, /^glagent-[\w-]{50,}\n$/);
  t.is(statSync(server.registry).mode & 0o777, 0o600);
  const listed = serverCommand('token', 'list', registry).stdout;
  t.regex(listed, /^2 +prod +a\/b +first +\S+ +active$/m);
  t.false(listed.includes(made.stdout.trim()));
  t.is(serverCommand('token', 'revoke', registry, '2').code, 0);
  t.regex(serverCommand('token', 'list', registry).stdout, /^2 .* revoked \S+$/m);
  const wrong: [string[], RegExp][] = [
    [['token', 'revoke', registry, '9'], /^error: \S+: there is no token 9\nhint: /],
    [['token', 'revoke', registry], /^error: which token\?/],
    [
      ['token', 'create', registry, '--agent=A', '--project=x'],
      /^error: --agent "A" is no DNS label\n.*\nerror: --project "x" is no path/,
    ],
    [
      ['token', 'create', registry, '--agent=a', '--project=a/b', '--allow=**'],
      /^error: --allow "\*\*" is neither/,
    ],
    [['token', 'burn', registry], /^error: there is no command "token burn"/],
    [['token', 'list', registry, '--agent=a'], /^error: --agent has no meaning for token list/],
    [[], /^error: --configuration-file is missing/],
    [['--configuration-file=/nowhere'], /^error: \/nowhere: the file can't be read: ENOENT/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr, stdout } = serverCommand(...args);
    t.is(code, 2, args.join(' '));
    t.regex(stderr, message);
    t.is(stdout, '');
  }
  writeFileSync(server.registry, 'salt: AAAAAAAAAAAAAAAAAAAAAA\nagents:\n- id: x\n  nam: y\n');
  const { code, stderr } = serverCommand('token', 'list', registry);
  t.is(code, 2);
  t.regex(stderr, /registry\.yaml:3:7: id is a whole number/);
  t.regex(stderr, /registry\.yaml:4:3: unknown key "nam"/);
});
